"""Backtests that can be repeated: the names that a notebook and a plugin need, and nothing else.

What needs pandas or more is imported on first use, so that ``import bt_run`` stays quick.
"""

from __future__ import annotations

from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from bt_run.assemble import Rows, assemble_bars
from bt_run.bars import Bars, History, LoadRequest, Prices
from bt_run.calendars import exchange_sessions, local_dates
from bt_run.components import (
    Analyzer,
    Array,
    BacktraderStrategy,
    Broker,
    BuildContext,
    Component,
    ComponentSpec,
    Conditions,
    Config,
    Costs,
    Delisting,
    Exit,
    Holdings,
    Limits,
    Nested,
    Overlay,
    Proposal,
    Rates,
    Report,
    Signals,
    Sizer,
    Source,
    Strategy,
    Trigger,
    Verdict,
)
from bt_run.errors import (
    BtRunError,
    ConfigError,
    DataError,
    ExecutionError,
    InfeasibleError,
    PluginError,
    SolverError,
)
from bt_run.hookspecs import hookimpl
from bt_run.pipeline import Decision, PortfolioState

# not lazy: the module of the same name, imported by anyone, would take the function's place in the package
from bt_run.run import run
from bt_run.schedule import period_of

if TYPE_CHECKING:
    from bt_run.compare import Comparison
    from bt_run.config import RunConfig, load_config
    from bt_run.metrics import DEFINITIONS
    from bt_run.result import BacktestResult

__all__ = [
    "DEFINITIONS",
    "Analyzer",
    "Array",
    "BacktestResult",
    "BacktraderStrategy",
    "Bars",
    "Broker",
    "BtRunError",
    "BuildContext",
    "Comparison",
    "Component",
    "ComponentSpec",
    "Conditions",
    "Config",
    "ConfigError",
    "Costs",
    "DataError",
    "Decision",
    "Delisting",
    "ExecutionError",
    "Exit",
    "History",
    "Holdings",
    "InfeasibleError",
    "Limits",
    "LoadRequest",
    "Nested",
    "Overlay",
    "PluginError",
    "PortfolioState",
    "Prices",
    "Proposal",
    "Rates",
    "Report",
    "Rows",
    "RunConfig",
    "Signals",
    "Sizer",
    "SolverError",
    "Source",
    "Strategy",
    "Trigger",
    "Verdict",
    "assemble_bars",
    "exchange_sessions",
    "hookimpl",
    "load_config",
    "local_dates",
    "period_of",
    "run",
]

_LAZY = MappingProxyType(
    {
        "BacktestResult": "bt_run.result",
        "Comparison": "bt_run.compare",
        "DEFINITIONS": "bt_run.metrics",
        "RunConfig": "bt_run.config",
        "load_config": "bt_run.config",
    }
)


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'bt_run' has no attribute {name!r}")
    value = getattr(import_module(_LAZY[name]), name)
    globals()[name] = value
    return value
