"""One call from prices in memory to a result, for notebooks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bt_run.backtest.running import run
from bt_run.config.run_config import RunConfig
from bt_run.data.bars import LoadRequest
from bt_run.data.frames import prices_from
from bt_run.errors import ConfigError, DataError
from bt_run.model import ComponentSpec
from bt_run.results.result import BacktestResult
from bt_run.text import listed

__all__ = ["run_prices"]

SOURCE = "frames"  # the source that prices in memory go by


def run_prices(
    prices: Any,
    *,
    strategy: str | Mapping[str, Any],
    sizer: str | Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
    out: Path | str | None = None,
) -> BacktestResult:
    """Run a strategy and a sizer on prices in memory.

    ``prices`` are what ``bars_from`` takes or returns. ``strategy`` and ``sizer`` are what the YAML
    file has there, a name or a mapping with ``use``; a strategy that needs no sizer has none.
    ``settings`` are further keys of that file, plain or dotted: ``{"schedule": "month",
    "broker.fill": "next_close"}``. With ``out``, the run is written to ``out/NAME/RUN_ID``. All
    symbols are traded, from their first to their last day, unless ``data`` says otherwise; a symbol
    that is alone is the benchmark as well.

    Raises:
        ConfigError: a key is unknown, or nothing says which symbol is the benchmark.
        DataError: the prices hold no rows.
        BtRunError: the prices or a plugin do not allow the run.
    """
    tree: dict[str, Any] = {"name": "notebook", "strategy": strategy, "data": {}}
    if sizer is not None:
        tree["sizer"] = sizer
    for key, value in (settings or {}).items():
        _put(tree, key, value)
    given = prices_from(prices, calendar=tree["data"].get("calendar", "XNYS"))
    symbols = sorted(given.rows)
    times = np.concatenate([rows.times for rows in given.rows.values()])
    if not len(times):
        raise DataError("the prices hold no rows; expected some of each symbol")
    data: dict[str, Any] = {
        "source": SOURCE,
        "assets": symbols,
        "start": str(times.min().astype("datetime64[D]")),
        "end": str(times.max().astype("datetime64[D]")),
    }
    if len(symbols) == 1:
        data["benchmark"] = symbols[0]
    if given.request is not None:
        data |= _data_of(given.request)
    tree["data"] = data | tree["data"]
    if "benchmark" not in tree["data"]:
        raise ConfigError(
            'data.benchmark: missing; write settings={"data.benchmark": NAME} with one of '
            f"{listed(symbols, most=8)}"
        )
    return run(RunConfig.model_validate(tree), out, bars=given)


def _data_of(request: LoadRequest) -> dict[str, Any]:
    """Return what bars were made with, as keys of ``data``."""
    return {
        "benchmark": request.benchmark[0],
        "start": str(request.start),
        "end": str(request.end),
        "adjust": request.adjust,
        "calendar": request.calendar,
    }


def _put(tree: dict[str, Any], key: str, value: Any) -> None:
    """Set a dotted key; a component that stands there by its name alone gets keys."""
    *path, last = key.split(".")
    node = tree
    for place in path:
        below = node.get(place)
        if isinstance(below, str):
            below = {"use": below}
        elif below is None:
            usual = RunConfig.model_fields[place].default if node is tree else None
            below = {"use": usual.use} if isinstance(usual, ComponentSpec) else {}
        elif not isinstance(below, Mapping):
            raise ConfigError(f"{key}: {place} is {below!r}; expected keys below it")
        node[place] = dict(below)
        node = node[place]
    node[last] = dict(value) if isinstance(value, Mapping) else value
