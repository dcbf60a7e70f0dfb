"""Assets that fall silent: their source has no more rows of them, while others go on.

A silence proves nothing: a halt looks alike until the asset trades again. So nothing is closed for
it, unless the user says so; then it becomes a last session once, from all that the source has.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from bt_run.arrays import Indices, Mask
from bt_run.data.bars import Bars
from bt_run.text import listed

__all__ = ["with_silent_assets"]


def with_silent_assets(
    bars: Bars, after: int, silent: Literal["keep", "close"]
) -> Bars:
    """Note which assets have no row in the last ``after`` sessions or more; close them if told so.

    With ``close`` their last row's session becomes their last session, and ``assumed_end`` marks
    it as an assumption.
    """
    found, rows = _silent(bars, after)
    if not len(found):
        return bars
    days = [f"{bars.assets[column]} {bars.sessions[rows[column]]}" for column in found]
    text = f"no row after these sessions, while others go on: {listed(days, most=8)}"
    if silent == "keep":
        what = "what is held of them keeps its last price; `delisting: {silent: close}` closes it"
        return replace(bars, notes=(*bars.notes, f"{text}; {what}"))
    last_session = bars.last_session.copy()
    last_session[found] = bars.sessions[rows[found]]
    assumed: Mask = np.zeros(len(bars.assets), dtype=bool)
    assumed[found] = True
    return replace(
        bars,
        last_session=last_session,
        assumed_end=assumed,
        notes=(*bars.notes, f"{text}; they count as delisted there"),
    )


def _silent(bars: Bars, after: int) -> tuple[Indices, Indices]:
    """Return the assets (k,) that fall silent, and the last row (N,) of every asset."""
    rows = np.arange(len(bars))[:, None]
    last = np.where(bars.present, rows, -1).max(axis=0)
    starts = np.append(True, bars.sessions[1:] != bars.sessions[:-1])
    number = np.cumsum(starts)  # of each bar's session, from 1
    missed = number[-1] - number[last]
    undeclared = np.isnat(bars.last_session)
    return np.flatnonzero((last >= 0) & undeclared & (missed >= after)), last
