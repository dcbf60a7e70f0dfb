"""Combinations that defeat themselves, said before the first bar."""

from __future__ import annotations

import numpy as np

from bt_run.backtest.building import Parts
from bt_run.config.binding import BoundConfig
from bt_run.config.run_config import RunConfig
from bt_run.data.assembly import stale_opens
from bt_run.data.bars import Bars

__all__ = ["warnings_of"]


def warnings_of(config: RunConfig, bound: BoundConfig, parts: Parts, bars: Bars) -> tuple[str, ...]:
    """Say which combinations defeat themselves."""
    out = []
    names = [overlay.name for overlay in bound.overlays]
    if "drawdown_guard" in names and "volatility_target" in names[names.index("drawdown_guard") :]:
        out.append(
            "overlays: volatility_target after drawdown_guard scales back up what the guard cut; "
            "swap them"
        )
    if "drawdown_guard" in names and config.schedule not in ("bar", "session", "week", "week_end"):
        out.append(
            f"schedule: {config.schedule}, so the drawdown_guard looks only then; a denser "
            "schedule with a "
            "calendar trigger lets it act between"
        )
    if parts.broker.fill == "next_open" and (stale := stale_opens(bars)):
        which = f"{', '.join(stale[:5])}" + (
            f" and {len(stale) - 5} more" if len(stale) > 5 else ""
        )
        out.append(
            f"broker.fill: next_open, but the opens of {which} often repeat the previous close, "
            "the very price the signal saw; next_close is honest here"
        )
    return (*out, *_classic_warnings(parts, bars))


def _classic_warnings(parts: Parts, bars: Bars) -> tuple[str, ...]:
    """Say which habits of Backtrader's own orders and data can hurt a run."""
    if parts.classic is None:
        return ()
    out = []
    if len(bars.assets) > 1:
        out.append(
            "strategy: Backtrader rejects an order that cash cannot pay, and with it every later "
            "order of that bar, "
            "sales too; sell first and leave room"
        )
    ended = [name for i, name in enumerate(bars.assets) if not bars.present[-1, i]]
    if ended:
        out.append(
            f"strategy: Backtrader knows no delisting; what is held of {', '.join(ended)} keeps "
            "its last price"
        )
    late = [name for i, name in enumerate(bars.assets) if not bars.present[bars.start, i]]
    if late:
        out.append(
            "strategy: Backtrader calls next() only when all assets have begun "
            f"({', '.join(late)} begin late); "
            "read before its first bar, an asset shows the last bar of its data"
        )
    inside = bars.counts[-1] < len(bars) - np.argmax(bars.present, axis=0)
    if inside.any():
        names = [name for name, gap in zip(bars.assets, inside, strict=True) if gap]
        out.append(
            "strategy: on a session without a bar Backtrader shows the bar before "
            f"({', '.join(names[:5])})"
        )
    return tuple(out)
