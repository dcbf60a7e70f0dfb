"""The commands ``bt-run data ...``: fetch, import, clean, validate, report, list and packs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bt_run import ConfigError, DataError, hookimpl, load_config
from bt_run_plugins.market_data.arguments import (
    checked,
    chosen,
    cut_date,
    span_words,
    symbols_in,
    table,
)
from bt_run_plugins.market_data.cleaning import DEFAULT_STEPS, CleanConfig
from bt_run_plugins.market_data.fetching.importing import bring
from bt_run_plugins.market_data.fetching.ingestion import FetchConfig, Outside
from bt_run_plugins.market_data.fetching.ingestion import fetch as fetch_prices
from bt_run_plugins.market_data.processing import (
    Judged,
    group,
    listed,
    process,
    reported,
    stale,
    validate_again,
)
from bt_run_plugins.market_data.report.report import write_report
from bt_run_plugins.market_data.rules.validation import ValidateConfig
from bt_run_plugins.market_data.store.packs import create as create_pack
from bt_run_plugins.market_data.store.packs import open_pack, packs_in
from bt_run_plugins.market_data.store.packs import verify as verify_pack
from bt_run_plugins.market_data.store.store import Store

if TYPE_CHECKING:
    import pandas as pd


CHECK_FAILED = 6
_MOST = 20  # rows of findings or of a log that the screen shows

store_option = click.option(
    "--store",
    type=click.Path(path_type=Path, file_okay=False),
    help="The store; else $BT_RUN_STORE or ~/.bt-run/store.",
)
source_option = click.option(
    "--source", help="Only series of this source, such as yahoo or import."
)
interval_option = click.option(
    "--interval", help="Only series with bars of this length, such as 1d or 5m."
)
profile_option = click.option(
    "--profile", type=click.Choice(["standard", "strict"]), default="standard", show_default=True
)
day = click.DateTime(["%Y-%m-%d"])


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
@click.argument("symbols", nargs=-1)
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
@click.option("--calendar", default="XNYS", show_default=True, help="The exchange's calendar.")
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
    names = [*symbols, *symbols_in(file)]
    first, last = start.date() if start else None, end.date() if end else datetime.now(UTC).date()
    if run_file is not None:
        run = load_config(run_file).data
        names += [*run.assets.values(), run.assets.get(run.benchmark, run.benchmark)]
        read = [
            table for table in run.tables.values() if (table.source or run.source).use == "yahoo"
        ]
        names += [table.symbol for table in read if table.symbol]
        first, last = first or run.history_from, end.date() if end else run.end
    if not names:
        raise ConfigError(
            "no symbols: name some, such as `bt-run data fetch SPY QQQ`, or say --file or --run"
        )
    opened = _store(store)
    with _progress(len(set(names))) as done:
        config = FetchConfig(interval=interval, calendar=calendar)
        outcomes = fetch_prices(
            opened, names, (first, last), config, Outside(done=done), again=whole
        )
    rows = [
        (o.symbol, o.rows, span_words(o.first, o.last), f"{o.state}: {o.text}") for o in outcomes
    ]
    click.echo(table(("symbol", "rows", "span", "what happened"), rows))
    failed = sum(outcome.state == "failed" for outcome in outcomes)
    click.echo(
        f"{len(outcomes) - failed} of {len(outcomes)} symbols are there; store: {opened.folder}"
    )
    return DataError.exit_code if failed else 0


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
    """Bring prices from ORIGIN into the store, exactly as they stand there: all, or those of SYMBOLS.

    ORIGIN is sample:indices, sample:stocks or sample:large_caps, a folder with one file per symbol, or a table
    with a ticker column, parquet or csv.

    \b
    Examples:
      bt-run data import sample:indices
      bt-run data import prices.parquet --prices as_traded
    """
    opened = _store(store)
    found = bring(opened, origin, symbols, prices=prices, source=source, timezone=timezone)
    rows = [
        (i.key.symbol, i.key.interval, i.rows, span_words(i.first, i.last), i.text) for i in found
    ]
    click.echo(table(("symbol", "interval", "rows", "span", "what happened"), rows))
    click.echo(
        f"{len(found)} symbols under {found[0].key.source}; store: {opened.folder}; next: bt-run "
        "data clean"
    )


@data.command()
@click.argument("symbols", nargs=-1)
@click.option("--calendar", default="XNYS", show_default=True, help="The exchange's calendar.")
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
    opened = _store(store)
    cuts = dict(cut_date(text) for text in cut_before)
    names: tuple[str, ...] = tuple(steps.split(",")) if steps else DEFAULT_STEPS
    if cuts and not steps:
        names = (*names, "cut_before")
    for keys in group(chosen(opened, symbols, source, interval)):
        own = {
            symbol: first
            for symbol, first in cuts.items()
            if symbol in {key.symbol for key in keys}
        }
        settings = {"calendar": calendar, "alignment": align, "steps": names, "cut_before": own}
        judged = process(
            opened,
            keys,
            checked(CleanConfig, settings),
            ValidateConfig(profile=profile, calendar=calendar),
        )
        click.echo(f"{keys[0].source} at {keys[0].interval}: {len(keys)} symbols cleaned")
        changed = judged.log[judged.log["text"] != ""]
        _show(changed, ("symbol", "step", "rows_before", "rows_after", "text"))
        _show_counts(judged)
    click.echo(f"store: {opened.folder}; next: bt-run data validate, bt-run data report")


@data.command()
@click.argument("symbols", nargs=-1)
@profile_option
@click.option("--calendar", default="XNYS", show_default=True, help="The exchange's calendar.")
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
    opened = _store(store)
    failures = 0
    for keys in group(chosen(opened, symbols, source, interval)):
        if old := [key.symbol for key in keys if opened.processed(key) and stale(opened, key)]:
            click.echo(
                f"note: prices of {', '.join(old[:10])} came after they were cleaned; clean again",
                err=True,
            )
        judged = validate_again(opened, keys, ValidateConfig(profile=profile, calendar=calendar))
        failures += len(judged.failures)
        verdict = f"{len(judged.failures)} findings fail" if len(judged.failures) else "passes"
        click.echo(
            f"{keys[0].source} at {keys[0].interval}, {len(keys)} symbols, profile {profile}: "
            f"{verdict}"
        )
        _show_counts(judged)
        _show(judged.failures, ("symbol", "date", "rule", "text"))
    return CHECK_FAILED if failures else 0


@data.command()
@click.argument("symbols", nargs=-1)
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
    """Write one page on the cleaned prices of SYMBOLS, or of all: coverage, findings, and what cleaning did.

    \b
    Example:
      bt-run data report -o data.html
    """
    opened = _store(store)
    groups = group(chosen(opened, symbols, source, interval))
    if len(groups) > 1:
        kinds = ", ".join(f"{keys[0].source} at {keys[0].interval}" for keys in groups)
        raise DataError(
            f"a report is on one source at one interval; found {kinds}; say --source, and "
            "--interval"
        )
    frames, findings, log, facts = reported(opened, groups[0])
    click.echo(f"report: {write_report(out, frames, findings, log, facts)}")


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
    opened = _store(store)
    headers = ("source", "symbol", "interval", "rows", "span", "fetched", "cleaned", "findings")
    keys = chosen(opened, (), source, interval)
    click.echo(table(headers, [listed(opened, key) for key in keys]))
    click.echo(f"{len(keys)} series; store: {opened.folder}")


@data.group()
def pack() -> None:
    """Freeze prices: a pack's id is a hash of its content, so equal ids are equal prices."""


@pack.command()
@click.argument("symbols", nargs=-1)
@click.option("--as-of", "as_of", type=day, required=True, help="The last day that the pack holds.")
@source_option
@interval_option
@store_option
def create(
    symbols: tuple[str, ...],
    as_of: datetime,
    source: str | None,
    interval: str | None,
    store: Path | None,
) -> None:
    """Freeze the cleaned prices of SYMBOLS, or of all, up to a day.

    \b
    Example:
      bt-run data pack create --as-of 2024-12-31 --source yahoo
    """
    opened = _store(store)
    made, there = create_pack(opened, chosen(opened, symbols, source, interval), as_of.date())
    click.echo(
        f"pack {made.id}: {len(made.parts)} symbols as of "
        f"{made.as_of}{', there already' if there else ''}"
    )
    click.echo(f"folder: {made.folder}\nin a YAML file: source: {{use: pack, id: {made.id}}}")


@pack.command()
@click.argument("name", metavar="ID")
@store_option
def verify(name: str, store: Path | None) -> int:
    """Compute every hash of a pack again.

    \b
    Exit code 0: all as it was made. 6: something differs.

    \b
    Example:
      bt-run data pack verify 0123456789abcdef
    """
    opened = _store(store)
    for text in (wrong := verify_pack(opened, name)):
        click.echo(text)
    if not wrong:
        click.echo(
            f"pack {name}: all {len(open_pack(opened, name).parts)} symbols are as they were made"
        )
    return CHECK_FAILED if wrong else 0


@pack.command("list")
@store_option
def list_packs(store: Path | None) -> None:
    """List the packs of the store.

    \b
    Example:
      bt-run data pack list
    """
    rows = []
    for one in packs_in(_store(store)):
        names = ", ".join(part.symbol for part in one.parts[:4]) + (
            ", ..." if len(one.parts) > 4 else ""
        )
        span = span_words(
            min(part.first or "" for part in one.parts), max(part.last or "" for part in one.parts)
        )
        rows.append((one.id, one.as_of, f"{len(one.parts)}: {names}", span, one.made_at))
    click.echo(table(("id", "as of", "symbols", "span", "made"), rows))


@hookimpl
def bt_commands(cli: click.Group) -> None:
    cli.add_command(data)


def _store(folder: Path | None) -> Store:
    return Store.at(folder, lambda text: click.echo(f"note: {text}", err=True))


def _show_counts(judged: Judged) -> None:
    """Print how often each rule found something."""
    _show(judged.counts, ("severity", "rule", "findings", "symbols"))


def _show(rows: pd.DataFrame, columns: Sequence[str]) -> None:
    """Print some columns of a table, at most 20 rows."""
    if not len(rows):
        return
    shown = rows.head(_MOST)[list(columns)].copy()
    if "date" in shown:
        shown["date"] = shown["date"].dt.strftime("%Y-%m-%d").fillna("-")
    click.echo(table(columns, shown.astype(object).to_numpy().tolist()))
    if len(rows) > _MOST:
        click.echo(f"and {len(rows) - _MOST} more; `bt-run data report` shows them")


@contextmanager
def _progress(count: int) -> Iterator[Callable[[str], None]]:
    """Yield a function that moves a bar on by a symbol; without a terminal it shows nothing."""
    if not sys.stderr.isatty():
        yield lambda symbol: None
        return
    with click.progressbar(length=count, label="fetch", file=sys.stderr, item_show_func=str) as bar:
        yield lambda symbol: bar.update(1, symbol)
