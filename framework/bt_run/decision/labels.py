"""Answers with labels: a pandas Series or DataFrame counts by its labels, never by position."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import numpy as np

from bt_run.arrays import Array
from bt_run.data.bars import Bars
from bt_run.text import did_you_mean, listed

__all__ = ["signals_by_labels", "values_by_labels"]


def values_by_labels(answer: Any, assets: tuple[str, ...]) -> Any:
    """Return a Series as values (N,) in the order of ``assets``; anything else as it is.

    Raises:
        ValueError: its labels are not the assets.
    """
    if type(answer) is np.ndarray:  # most are, and every decision asks
        return answer
    pd = sys.modules.get("pandas")  # who returns a Series has imported it
    if pd is None or not isinstance(answer, pd.Series | pd.DataFrame):
        return answer
    if isinstance(answer, pd.DataFrame):
        raise ValueError("a DataFrame; expected (N,) values, one for each asset")
    _check("labels", answer.index, assets)
    return answer.reindex(assets).to_numpy()


def signals_by_labels(answer: Any, bars: Bars) -> Any:
    """Return a DataFrame as signals (T, N) on ``bars``; anything else as it is.

    Raises:
        ValueError: its columns are not the assets, or its index not the times of the bars.
    """
    pd = sys.modules.get("pandas")
    if pd is None or not isinstance(answer, pd.Series | pd.DataFrame):
        return answer
    if isinstance(answer, pd.Series):
        raise ValueError(
            "a Series; expected (T, N) signals, a row a bar, a column an asset"
        )
    _check("columns", answer.columns, bars.assets)
    if not _are_times(pd, answer.index, bars):
        raise ValueError(
            f"a DataFrame whose index begins with {answer.index[:1].tolist()}; expected the times "
            "of the bars (bars.index), or .to_numpy()"
        )
    return answer[list(bars.assets)].to_numpy()


def _check(what: str, found: Iterable[Any], assets: tuple[str, ...]) -> None:
    labels = list(found)
    if sorted(map(str, labels)) == sorted(assets) and len(set(labels)) == len(labels):
        return
    strange = [str(label) for label in labels if label not in assets]
    hint = did_you_mean(strange[0], assets) if strange else ""
    raise ValueError(
        f"{what} {listed(map(str, labels))}{hint}; expected the assets {listed(assets)}, each "
        "once, or an array in their order (.to_numpy())"
    )


def _are_times(pd: Any, index: Any, bars: Bars) -> bool:
    if not isinstance(index, pd.DatetimeIndex) or len(index) != len(bars):
        return False
    utc = index.tz_localize("UTC") if index.tz is None else index.tz_convert("UTC")
    times: Array = utc.tz_localize(None).to_numpy().astype("datetime64[ns]")
    return bool(np.array_equal(times, bars.times.astype("datetime64[ns]")))
