"""The commands ``bt-run data ...``: fetch, import, clean, validate, report, list and packs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bt_run import ConfigError, DataError, RunConfig, hookimpl, load_config
from bt_run.errors import CHECK_FAILED
from bt_run_plugins.market_data.arguments import (
    calendar_option,
    checked,
    chosen,
    cut_date,
    day,
    interval_option,
    profile_option,
    source_option,
    store_option,
    symbols_argument,
    symbols_in,
)
from bt_run_plugins.market_data.cleaning import DEFAULT_STEPS, CleanConfig
from bt_run_plugins.market_data.fetching.importing import Imported, bring
from bt_run_plugins.market_data.fetching.ingestion import fetch as fetch_prices
from bt_run_plugins.market_data.fetching.job import SOURCE, FetchConfig, Outcome, Outside, Window
from bt_run_plugins.market_data.pack_commands import pack
from bt_run_plugins.market_data.processing import (
    Judged,
    group,
    process,
    reported,
    series_line,
    stale,
    validate_again,
)
from bt_run_plugins.market_data.report.report import write_report
from bt_run_plugins.market_data.rules.validation import ValidateConfig
from bt_run_plugins.market_data.store.manifest import Key
from bt_run_plugins.market_data.store.store import Store
from bt_run_plugins.market_data.terminal import (
    opened_store,
    progress,
    show_counts,
    show_rows,
    span_text,
    table,
)

if TYPE_CHECKING:
    import pandas as pd

_SHOWN = 10  # symbols that a note names


@click.group()
def data() -> None:
    """Fetch, import, clean, check and freeze market data.

    \b
    Example, from Yahoo to a backtest that can be repeated:
      bt-run data fetch SPY QQQ --start 2000-01-03
      bt-run data clean
      bt-run data pack create --as-of 2024-12-31
    """


@data.command()
@symbols_argument
@click.option("--start", type=day, help="The first day; without it, each symbol's beginning.")
@click.option(
    "--end", type=day, help="The last day, included; without it, the last session that is over."
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
@click.option("--whole", is_flag=True, help="Fetch all of it again, whatever the store has.")
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
    config = FetchConfig(interval=interval, calendar=calendar)
    opened = opened_store(store)
    with progress("fetch", len(set(names))) as done:
        outcomes = fetch_prices(opened, names, window, config, Outside(done=done), again=whole)
    rows = [_outcome_row(outcome) for outcome in outcomes]
    click.echo(table(("symbol", "rows", "span", "what happened"), rows))
    failed = sum(outcome.state == "failed" for outcome in outcomes)
    there = len(outcomes) - failed
    click.echo(f"{there} of {len(outcomes)} symbols are there; store: {opened.folder}")
    return DataError.exit_code if failed else 0


def _asked(
    names: list[str], start: datetime | None, end: datetime | None, run_file: Path | None
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


def _outcome_row(outcome: Outcome) -> tuple[object, ...]:
    span = span_text(outcome.first, outcome.last)
    return outcome.symbol, outcome.rows, span, f"{outcome.state}: {outcome.text}"


def _symbols_of(run: RunConfig) -> list[str]:
    """Return the symbols that a run asks Yahoo for: assets, benchmark and tables."""
    wanted = run.data
    symbols = list(wanted.assets.values())
    symbols.append(wanted.assets.get(wanted.benchmark, wanted.benchmark))
    for beside in wanted.tables.values():
        source = beside.source or wanted.source
        if source.use == SOURCE and beside.symbol:
            symbols.append(beside.symbol)
    return symbols


@data.command("import")
@click.argument("origin")
@click.argument("symbols", nargs=-1)
@click.option(
    "--prices",
    type=click.Choice(["as_traded", "split_adjusted"]),
    help="What open, high, low and close are.",
)
@click.option(
    "--source", help="File the series under this word; without it, import, or sample_SET."
)
@click.option(
    "--timezone", help="Zone of intraday times that carry none, such as America/New_York."
)
@store_option
def import_(
    origin: str,
    symbols: tuple[str, ...],
    prices: Any,
    source: str | None,
    timezone: str | None,
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
    found = bring(opened, origin, symbols, prices=prices, source=source, timezone=timezone)
    rows = [_imported_row(one) for one in found]
    click.echo(table(("symbol", "interval", "rows", "span", "what happened"), rows))
    click.echo(
        f"{len(found)} symbols under {found[0].key.source}; store: {opened.folder}; next: bt-run "
        "data clean"
    )


def _imported_row(one: Imported) -> tuple[object, ...]:
    span = span_text(one.first, one.last)
    return one.key.symbol, one.key.interval, one.rows, span, one.text


@data.command()
@symbols_argument
@calendar_option
@click.option(
    "--align", default="none", show_default=True, help="none, union, intersection, or a symbol."
)
@click.option(
    "--steps", metavar="A,B", help="The steps, in their order; without it, those that cannot hurt."
)
@click.option(
    "--cut-before", multiple=True, metavar="SYMBOL=DAY", help="Drop a symbol's rows before a day."
)
@profile_option
@source_option
@interval_option
@store_option
def clean(
    symbols: tuple[str, ...],
    calendar: str,
    align: str,
    steps: str | None,
    cut_before: tuple[str, ...],
    profile: Any,
    source: str | None,
    interval: str | None,
    store: Path | None,
) -> None:
    """Clean the raw prices of SYMBOLS, or of all, check them, and keep the result beside them.

    \b
    Examples:
      bt-run data clean
      bt-run data clean SPY QQQ --align intersection --steps sort_dates,drop_duplicate_rows
    """
    opened = opened_store(store)
    validation = ValidateConfig(profile=profile, calendar=calendar)
    cuts = dict(cut_date(text) for text in cut_before)
    names = tuple(steps.split(",")) if steps else DEFAULT_STEPS
    if cuts and not steps:
        names = (*names, "cut_before")
    settings = {"calendar": calendar, "alignment": align, "steps": names}
    for keys in group(chosen(opened, symbols, source, interval)):
        own = {key.symbol: cuts[key.symbol] for key in keys if key.symbol in cuts}
        cleaning = checked(CleanConfig, {**settings, "cut_before": own})
        _show_cleaned(keys, process(opened, keys, cleaning, validation))
    click.echo(f"store: {opened.folder}; next: bt-run data validate, bt-run data report")


def _show_cleaned(keys: Sequence[Key], judged: Judged) -> None:
    click.echo(f"{_kind_text(keys)}: {len(keys)} symbols cleaned")
    _show_changes(judged.log)
    show_counts(judged)


def _show_changes(log: pd.DataFrame) -> None:
    """Print the steps that had something to say."""
    changed = log[log["text"] != ""]
    show_rows(changed, ("symbol", "step", "rows_before", "rows_after", "text"))


def _kind_text(keys: Sequence[Key]) -> str:
    return f"{keys[0].source} at {keys[0].interval}"


@data.command()
@symbols_argument
@profile_option
@calendar_option
@source_option
@interval_option
@store_option
def validate(
    symbols: tuple[str, ...],
    profile: Any,
    calendar: str,
    source: str | None,
    interval: str | None,
    store: Path | None,
) -> int:
    """Check the cleaned prices of SYMBOLS, or of all, by every rule.

    \b
    Exit code 0: they pass the profile. 6: findings that fail it.

    \b
    Examples:
      bt-run data validate
      bt-run data validate SPY --profile strict
    """
    opened = opened_store(store)
    config = ValidateConfig(profile=profile, calendar=calendar)
    failures = 0
    for keys in group(chosen(opened, symbols, source, interval)):
        _note_old(opened, keys)
        judged = validate_again(opened, keys, config)
        _show_verdict(keys, judged, config)
        failures += len(judged.failures)
    return CHECK_FAILED if failures else 0


def _show_verdict(keys: Sequence[Key], judged: Judged, config: ValidateConfig) -> None:
    count = len(judged.failures)
    verdict = f"{count} findings fail" if count else "passes"
    click.echo(f"{_kind_text(keys)}, {len(keys)} symbols, profile {config.profile}: {verdict}")
    show_counts(judged)
    show_rows(judged.failures, ("symbol", "date", "rule", "text"))


def _note_old(store: Store, keys: Sequence[Key]) -> None:
    """Say of which series there are newer prices than those that were cleaned."""
    old = [key.symbol for key in keys if _is_old(store, key)]
    if old:
        names = ", ".join(old[:_SHOWN])
        click.echo(f"note: prices of {names} came after they were cleaned; clean again", err=True)


def _is_old(store: Store, key: Key) -> bool:
    return store.processed(key) is not None and stale(store, key) is not None


@data.command()
@symbols_argument
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("data.html"),
    show_default=True,
)
@source_option
@interval_option
@store_option
def report(
    symbols: tuple[str, ...],
    out: Path,
    source: str | None,
    interval: str | None,
    store: Path | None,
) -> None:
    """Write one page on the cleaned prices of SYMBOLS, or of all: coverage, findings, and what
    cleaning did.

    \b
    Example:
      bt-run data report -o data.html
    """
    opened = opened_store(store)
    groups = group(chosen(opened, symbols, source, interval))
    if len(groups) > 1:
        kinds = ", ".join(_kind_text(keys) for keys in groups)
        raise DataError(
            f"a report is on one source at one interval; found {kinds}; say --source, and "
            "--interval"
        )
    found = reported(opened, groups[0])
    path = write_report(out, found.frames, found.findings, found.log, found.facts)
    click.echo(f"report: {path}")


@data.command("list")
@source_option
@interval_option
@store_option
def list_(source: str | None, interval: str | None, store: Path | None) -> None:
    """List what the store has.

    \b
    Example:
      bt-run data list --source yahoo
    """
    opened = opened_store(store)
    headers = ("source", "symbol", "interval", "rows", "span", "fetched", "cleaned", "findings")
    keys = chosen(opened, (), source, interval)
    click.echo(table(headers, [series_line(opened, key) for key in keys]))
    click.echo(f"{len(keys)} series; store: {opened.folder}")


data.add_command(pack)


@hookimpl
def bt_commands(cli: click.Group) -> None:
    cli.add_command(data)
