"""The commands that bring prices into the store: ``bt-run data fetch`` and ``import``."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from bt_run import ConfigError, DataError, RunConfig, load_config, require_installed
from bt_run_plugins.market_data.arguments import (
    calendar_option,
    checked,
    day,
    store_option,
    symbols_argument,
    symbols_in,
)
from bt_run_plugins.market_data.fetching.importing import Imported, bring
from bt_run_plugins.market_data.fetching.ingestion import fetch as fetch_prices
from bt_run_plugins.market_data.fetching.job import (
    SOURCE,
    FetchConfig,
    FetchOutcome,
    Outside,
    Window,
)
from bt_run_plugins.market_data.fetching.yahoo import LIBRARIES
from bt_run_plugins.market_data.terminal import (
    opened_store,
    progress,
    span_text,
    table,
)
from bt_run_plugins.sources.files import FilesConfig

__all__ = ["fetch", "import_prices"]


@click.command()
@symbols_argument
@click.option(
    "--start",
    type=day,
    help="The first day; without it, each symbol's beginning.",
)
@click.option(
    "--end",
    type=day,
    help="The last day, included; without it, the last session that is over.",
)
@click.option(
    "--interval",
    default="1d",
    show_default=True,
    help="The length of the bars: 1d, or such as 5m or 1h.",
)
@calendar_option
@click.option(
    "--file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A text file with a symbol a line.",
)
@click.option(
    "--run",
    "run_file",
    type=click.Path(path_type=Path),
    help="Take symbols and dates from a run's YAML file.",
)
@click.option(
    "--whole",
    is_flag=True,
    help="Fetch all of it again, whatever the store has.",
)
@store_option
def fetch(
    symbols: tuple[str, ...],
    start: datetime | None,
    end: datetime | None,
    interval: str,
    calendar: str,
    file: Path | None,
    run_file: Path | None,
    whole: bool,
    store: Path | None,
) -> int:
    """Fetch prices of SYMBOLS from Yahoo, for personal use: only what the store lacks.

    \b
    Exit code 0: all there. 3: some symbols failed; the others are kept.

    \b
    Examples:
      bt-run data fetch SPY QQQ --start 2000-01-03
      bt-run data fetch --file symbols.txt
      bt-run data fetch --run examples/spy_qqq_yahoo.yaml
    """
    names, window = _asked([*symbols, *symbols_in(file)], start, end, run_file)
    require_installed("bt-run data fetch", LIBRARIES)
    config = FetchConfig(interval=interval, calendar=calendar)
    opened = opened_store(store)
    with progress("fetch", len(set(names))) as done:
        outcomes = fetch_prices(
            opened, names, window, config, Outside(done=done), again=whole
        )
    rows = [_outcome_row(outcome) for outcome in outcomes]
    click.echo(table(("symbol", "rows", "span", "what happened"), rows))
    failed = sum(outcome.state == "failed" for outcome in outcomes)
    there = len(outcomes) - failed
    click.echo(f"{there} of {len(outcomes)} symbols are there; store: {opened.folder}")
    return DataError.exit_code if failed else 0


def _asked(
    names: list[str],
    start: datetime | None,
    end: datetime | None,
    run_file: Path | None,
) -> tuple[list[str], Window]:
    """Return the symbols and the days that a fetch asks for, a run's included."""
    first = start.date() if start else None
    last = end.date() if end else None
    if run_file is not None:
        run = load_config(run_file)
        names = [*names, *_symbols_of(run)]
        first = first or run.data.history_from
        last = last or run.data.end
    if not names:
        raise ConfigError(
            "no symbols: name some, such as `bt-run data fetch SPY QQQ`, or say --file or --run"
        )
    return names, (first, last or datetime.now(UTC).date())


def _outcome_row(outcome: FetchOutcome) -> tuple[object, ...]:
    span = span_text(outcome.first, outcome.last)
    return outcome.symbol, outcome.rows, span, f"{outcome.state}: {outcome.text}"


def _symbols_of(run: RunConfig) -> list[str]:
    """Return the symbols that a run asks Yahoo for: assets, benchmark and tables."""
    wanted = run.data
    symbols = list(wanted.symbols.values())
    symbols.append(wanted.symbols.get(wanted.benchmark, wanted.benchmark))
    for beside in wanted.tables.values():
        source = beside.source or wanted.source
        if isinstance(source, tuple):
            continue  # the yahoo source stands beside no other
        if source.use == SOURCE and beside.symbol:
            symbols.append(beside.symbol)
    return symbols


@click.command("import")
@click.argument("origin")
@symbols_argument
@click.option(
    "--prices",
    type=click.Choice(["as_traded", "split_adjusted"]),
    help="What open, high, low and close are.",
)
@click.option(
    "--source",
    help="File the series under this word; without it, import, or sample_SET.",
)
@click.option(
    "--timezone",
    help="Zone of intraday times that carry none, such as America/New_York.",
)
@click.option(
    "--dates",
    help="How text writes dates: dayfirst, monthfirst, iso or a format such as %d.%m.%y.",
)
@click.option(
    "--column",
    "columns",
    multiple=True,
    help="OURS=THEIRS, such as close=Price; may be repeated.",
)
@click.option(
    "--ignore",
    multiple=True,
    help="A column that is left unread on purpose; may be repeated.",
)
@store_option
def import_prices(
    origin: str,
    symbols: tuple[str, ...],
    prices: Any,
    source: str | None,
    timezone: str | None,
    dates: str | None,
    columns: tuple[str, ...],
    ignore: tuple[str, ...],
    store: Path | None,
) -> None:
    """Bring prices from ORIGIN into the store, exactly as they stand there: all, or those of
    SYMBOLS.

    ORIGIN is sample:indices, sample:stocks or sample:large_caps, a folder with one file per symbol,
    or a table with a ticker column, parquet or csv.

    \b
    Examples:
      bt-run data import sample:indices
      bt-run data import prices.parquet --prices as_traded
    """
    opened = opened_store(store)
    written = {
        "path": origin,
        "timezone": timezone,
        "dates": dates,
        "columns": dict(column.split("=", 1) for column in columns if "=" in column),
        "ignore": ignore,
    }
    if bare := [column for column in columns if "=" not in column]:
        raise ConfigError(
            f"--column was {bare[0]!r}; expected OURS=THEIRS, such as close=Price"
        )
    form = checked(FilesConfig, written).form("XNYS")
    found = bring(opened, origin, symbols, prices=prices, source=source, form=form)
    rows = [_imported_row(one) for one in found]
    click.echo(table(("symbol", "interval", "rows", "span", "what happened"), rows))
    click.echo(
        f"{len(found)} symbols under {found[0].key.source}; store: {opened.folder}; next: bt-run "
        "data clean"
    )


def _imported_row(one: Imported) -> tuple[object, ...]:
    span = span_text(one.first, one.last)
    return one.key.symbol, one.key.interval, one.rows, span, one.text
