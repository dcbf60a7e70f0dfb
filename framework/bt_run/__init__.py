"""Backtests that can be repeated: the names that a notebook and a plugin need, and nothing else.

Heavy libraries are imported where they are used, so that ``import bt_run`` stays quick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bt_run.arrays import Array
from bt_run.backtest.in_memory import run_prices
from bt_run.backtest.preparing import Prepared, prepare
from bt_run.backtest.reporting import write_report
from bt_run.backtest.running import run
from bt_run.backtest.studying import play
from bt_run.component import BacktraderStrategy, BuildContext, Component
from bt_run.config.run_config import RunConfig
from bt_run.data.assembly import assemble_bars
from bt_run.data.bars import Bars, LoadRequest, Prices
from bt_run.data.calendars import calendar_zone, exchange_sessions, local_dates
from bt_run.data.csv_files import csv_header, csv_lines, csv_table
from bt_run.data.date_forms import (
    DateForm,
    TimeZone,
    WrittenTimes,
    utc_times,
    whole_days,
    written_times,
)
from bt_run.data.frames import GivenBars, GivenPrices, bars_from
from bt_run.data.history import CoarseHistory, History
from bt_run.data.number_forms import NumberForm
from bt_run.data.parquet_files import parquet_table
from bt_run.data.plain_tables import PlainReader, PlainTable
from bt_run.data.price_frames import (
    PriceTable,
    TableForm,
    price_table,
    rows_by_ticker,
    rows_of_table,
    tickers_of,
    usual_name,
)
from bt_run.data.resampling import CompletedPeriods, completed_periods
from bt_run.data.rows import Rows, day_of, joined_rows
from bt_run.data.schedule import period_of
from bt_run.data.several_sources import SourceRows, bars_of_rows
from bt_run.data.staleness import overdue, usual_step
from bt_run.data.stored import map_bars, store_bars
from bt_run.data.years import SESSIONS, bars_per_year, sessions_per_year
from bt_run.decision.lesson import Fitted, FoldRows, Lesson, Model
from bt_run.decision.state import Decision, PortfolioState, Proposal, Verdict
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
from bt_run.libraries import require_installed
from bt_run.model import ComponentSpec, Config, Nested, YearlyRate, refuse_per_cent
from bt_run.results.comparison import Comparison
from bt_run.results.ledger import Ledger
from bt_run.results.metric_definitions import DEFINITIONS
from bt_run.results.result import BacktestResult
from bt_run.results.run_folder import load_result
from bt_run.roles import (
    Accepts,
    Advises,
    Analyzer,
    Compares,
    Fingerprinted,
    Gives,
    Guards,
    JoinsSymbols,
    Learner,
    ListsSymbols,
    NamesAssets,
    NeedsFields,
    NeedsNetwork,
    OnlyInside,
    Overlay,
    Placed,
    Plan,
    ReadsTables,
    ReadsTracks,
    Report,
    Signals,
    Sizer,
    Source,
    Strategy,
    Studies,
    TakesPrices,
    TellsRows,
    TellsSeries,
    Trigger,
)
from bt_run.terms import (
    BrokerTerms,
    Conditions,
    Costs,
    Delisting,
    Exit,
    Flows,
    Holdings,
    Limits,
    MarketDependent,
    Rates,
)

if TYPE_CHECKING:
    from bt_run.backtest.configuration import load_config

__all__ = [
    "DEFINITIONS",
    "SESSIONS",
    "Accepts",
    "Advises",
    "Analyzer",
    "Array",
    "BacktestResult",
    "BacktraderStrategy",
    "Bars",
    "BrokerTerms",
    "BtRunError",
    "BuildContext",
    "CoarseHistory",
    "Compares",
    "Comparison",
    "CompletedPeriods",
    "Component",
    "ComponentSpec",
    "Conditions",
    "Config",
    "ConfigError",
    "Costs",
    "DataError",
    "DateForm",
    "Decision",
    "Delisting",
    "ExecutionError",
    "Exit",
    "Fingerprinted",
    "Fitted",
    "Flows",
    "FoldRows",
    "GivenBars",
    "GivenPrices",
    "Gives",
    "Guards",
    "History",
    "Holdings",
    "InfeasibleError",
    "JoinsSymbols",
    "Learner",
    "Ledger",
    "Lesson",
    "Limits",
    "ListsSymbols",
    "LoadRequest",
    "MarketDependent",
    "Model",
    "NamesAssets",
    "NeedsFields",
    "NeedsNetwork",
    "Nested",
    "NumberForm",
    "OnlyInside",
    "Overlay",
    "Placed",
    "PlainReader",
    "PlainTable",
    "Plan",
    "PluginError",
    "PortfolioState",
    "Prepared",
    "PriceTable",
    "Prices",
    "Proposal",
    "Rates",
    "ReadsTables",
    "ReadsTracks",
    "Report",
    "Rows",
    "RunConfig",
    "Signals",
    "Sizer",
    "SolverError",
    "Source",
    "SourceRows",
    "Strategy",
    "Studies",
    "TableForm",
    "TakesPrices",
    "TellsRows",
    "TellsSeries",
    "TimeZone",
    "Trigger",
    "Verdict",
    "WrittenTimes",
    "YearlyRate",
    "assemble_bars",
    "bars_from",
    "bars_of_rows",
    "bars_per_year",
    "calendar_zone",
    "completed_periods",
    "csv_header",
    "csv_lines",
    "csv_table",
    "day_of",
    "exchange_sessions",
    "hookimpl",
    "joined_rows",
    "load_config",
    "load_result",
    "local_dates",
    "map_bars",
    "overdue",
    "parquet_table",
    "period_of",
    "play",
    "prepare",
    "price_table",
    "refuse_per_cent",
    "require_installed",
    "rows_by_ticker",
    "rows_of_table",
    "run",
    "run_prices",
    "sessions_per_year",
    "store_bars",
    "tickers_of",
    "usual_name",
    "usual_step",
    "utc_times",
    "whole_days",
    "write_report",
    "written_times",
]


def __getattr__(name: str) -> Any:
    """Import what reads YAML when it is first asked for: a plugin has no need of it."""
    if name != "load_config":
        raise AttributeError(f"module 'bt_run' has no attribute {name!r}")
    from bt_run.backtest.configuration import load_config

    return load_config
