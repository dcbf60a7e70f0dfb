"""The commands ``bt-run data ...``: what is done with prices once the store has them, and the
group of all.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bt_run import DataError, hookimpl
from bt_run.errors import CHECK_FAILED
from bt_run_plugins.market_data.arguments import (
    calendar_option,
    checked,
    chosen,
    cut_date,
    interval_option,
    profile_option,
    source_option,
    store_option,
    symbols_argument,
)
from bt_run_plugins.market_data.cleaning import DEFAULT_STEPS, CleanConfig
from bt_run_plugins.market_data.fetch_commands import fetch, import_prices
from bt_run_plugins.market_data.inspect_command import inspect
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
    show_counts,
    show_rows,
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
@calendar_option
@click.option(
    "--align",
    default="none",
    show_default=True,
    help="none, union, intersection, or a symbol.",
)
@click.option(
    "--steps",
    metavar="A,B",
    help="The steps, in their order; without it, those that cannot hurt.",
)
@click.option(
    "--cut-before",
    multiple=True,
    metavar="SYMBOL=DAY",
    help="Drop a symbol's rows before a day.",
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
    click.echo(
        f"store: {opened.folder}; next: bt-run data validate, bt-run data report"
    )


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


def _show_verdict(
    keys: Sequence[Key],
    judged: Judged,
    config: ValidateConfig,
) -> None:
    count = len(judged.failures)
    verdict = f"{count} findings fail" if count else "passes"
    click.echo(
        f"{_kind_text(keys)}, {len(keys)} symbols, profile {config.profile}: {verdict}"
    )
    show_counts(judged)
    show_rows(judged.failures, ("symbol", "date", "rule", "text"))


def _note_old(store: Store, keys: Sequence[Key]) -> None:
    """Say of which series there are newer prices than those that were cleaned."""
    old = [key.symbol for key in keys if _is_old(store, key)]
    if old:
        names = ", ".join(old[:_SHOWN])
        click.echo(
            f"note: prices of {names} came after they were cleaned; clean again",
            err=True,
        )


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
def list_(
    source: str | None,
    interval: str | None,
    store: Path | None,
) -> None:
    """List what the store has.

    \b
    Example:
      bt-run data list --source yahoo
    """
    opened = opened_store(store)
    headers = (
        "source",
        "symbol",
        "interval",
        "rows",
        "span",
        "fetched",
        "cleaned",
        "findings",
    )
    keys = chosen(opened, (), source, interval)
    click.echo(table(headers, [series_line(opened, key) for key in keys]))
    click.echo(f"{len(keys)} series; store: {opened.folder}")


for command in (fetch, import_prices, inspect, pack):
    data.add_command(command)


@hookimpl
def bt_commands(cli: click.Group) -> None:
    cli.add_command(data)
