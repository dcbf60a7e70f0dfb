"""A cell: one run of a sweep as it is sent to a worker, and what comes back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from bt_run.arrays import Array, Times
from bt_run.backtest.playing import load_engine
from bt_run.backtest.preparing import Prepared, prepare_on
from bt_run.config.run_config import RunConfig
from bt_run.data.stored import map_bars
from bt_run.errors import BtRunError, PluginError
from bt_run.plugins import get_plugin_manager
from bt_run.results.sources import local_file_hash
from bt_run.studies.identities import CellKeys
from bt_run.studies.measuring import measured
from bt_run.studies.time_limits import TimedOut, limited

__all__ = ["Cell", "CellResult", "Outcome", "play_cell", "run_cell", "warm_up"]

Status = Literal["ok", "raised", "timed out", "died"]


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A run as a configuration: nothing in it was built, so that every process builds its own.

    Attributes:
        key: the id of the run that it is.
        config: the resolved configuration that the sweep varies, JSON with absolute paths.
        overrides: other values at dotted keys.
        plugins: each local plugin file and its sha256.
        bars: the folder of the bars, as ``store_bars`` wrote them.
        sources: what the sources say they read, by path.
        timeout: seconds after which it is given up; None for never.
    """

    key: str
    config: str
    overrides: tuple[tuple[str, Any], ...]
    plugins: tuple[tuple[str, str], ...]
    bars: str
    sources: tuple[tuple[str, str], ...] = ()
    timeout: float | None = None


@dataclass(frozen=True, eq=False)
class CellResult:
    """What a cell found.

    Attributes:
        metrics: those of the run alone and beside its benchmark; None where not defined.
        sessions: (n,) the days of the returns, datetime64[D].
        returns: (n,) daily returns of the NAV.
        warnings: what defeats itself in the configuration, a sentence each.
    """

    metrics: Mapping[str, float | None]
    sessions: Times
    returns: Array
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What became of a cell.

    Attributes:
        status: ok, raised, timed out or died.
        text: in words why there is no result.
        result: what it found; None of all but ok.
    """

    status: Status
    text: str = ""
    result: CellResult | None = None


def warm_up() -> None:
    """Load what every cell needs, the engine and the installed plugins, in a worker that waits."""
    load_engine()
    get_plugin_manager()


def run_cell(cell: Cell, *, may_exit: bool = False) -> Outcome:
    """Play a ``cell`` in this process; whatever happens in it is an outcome, and no error.

    ``may_exit``: a cell that does not end in time and cannot be interrupted takes the process
    with it, which is a worker that can be replaced.
    """
    try:
        _refuse_other_files(cell)
        # what a process does but once is not on the cell's time
        _prepared(cell.config, cell.bars, cell.sources)
        with limited(cell.timeout, may_exit=may_exit):
            return Outcome("ok", result=play_cell(cell))
    except TimedOut:
        return Outcome("timed out", f"gave no answer within {cell.timeout:g} s")
    except BtRunError as error:
        return Outcome("raised", str(error))
    except (Exception, SystemExit) as error:
        return Outcome("raised", f"{type(error).__name__}: {error}")


def play_cell(cell: Cell) -> CellResult:
    """Play a ``cell``.

    Raises:
        PluginError: the code here is not what it was sent for.
        BtRunError: its configuration cannot run.
    """
    ready = _prepared(cell.config, cell.bars, cell.sources).changed(
        dict(cell.overrides)
    )
    key = _keys().key(ready)
    if key != cell.key:
        raise PluginError(
            f"cell {cell.key}: this worker has other code, libraries or files, with which it "
            f"would be {key}; install here what the sweep was started with"
        )
    metrics, sessions, returns, warnings = measured(ready)
    return CellResult(metrics, sessions, returns, warnings)


# a worker keeps what it prepared last, so that a sweep over keys of the strategy loads once
@lru_cache(maxsize=1)
def _prepared(config: str, bars: str, sources: tuple[tuple[str, str], ...]) -> Prepared:
    load_engine()
    tree = json.loads(config)
    ready = prepare_on(
        RunConfig.model_validate(tree), map_bars(Path(bars)), dict(sources)
    )
    _keys().key(ready)  # reads the sources behind it
    return ready


@lru_cache(maxsize=1)
def _keys() -> CellKeys:
    return CellKeys()


def _refuse_other_files(cell: Cell) -> None:
    for name, digest in cell.plugins:
        path = Path(name)
        found = local_file_hash(path) if path.is_file() else "no such file"
        if found != digest:
            raise PluginError(
                f"{path}: is not the plugin file that the sweep was started with; start it again"
            )
