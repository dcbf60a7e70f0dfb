"""The command ``bt-run propose``."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from types import MappingProxyType
from typing import Any

import click

from bt_run import ConfigError, hookimpl, require_installed
from bt_run.text import aligned, did_you_mean
from bt_run_plugins.market_data.arguments import store_option
from bt_run_plugins.market_data.store.store import Store
from bt_run_plugins.policy.commands import opened
from bt_run_plugins.policy.database import Stored
from bt_run_plugins.policy.facts import Facts, Portfolio, names_of
from bt_run_plugins.policy.input_files import (
    read_holdings,
    read_numbers,
    read_restrictions,
    read_symbols,
    read_texts,
)
from bt_run_plugins.policy.pack_prices import PackPrices, prices_in_pack, refuse_old
from bt_run_plugins.policy.policy import OptimizationPolicy
from bt_run_plugins.policy.proposal_files import money_text, write_proposal
from bt_run_plugins.policy.proposal_page import page_of_proposal, sentences_of
from bt_run_plugins.policy.rebalancing import RebalanceResult, propose

__all__ = ["bt_commands"]

LIBRARIES = MappingProxyType(
    dict.fromkeys(("clarabel", "scipy", "scs"), "bt-run[tracker]")
)
# short words of --what-if -> keys of a policy
WORDS = MappingProxyType(
    {
        "position": "max_single_position_pct",
        "sector": "max_sector_pct",
        "turnover": "max_turnover_pct",
        "tracking_error": "max_tracking_error_pct",
        "quality": "min_quality_score",
    }
)
file_type = click.Path(path_type=Path, dir_okay=False)
day = click.DateTime(["%Y-%m-%d"])


@click.command("propose")
@click.argument("holdings", metavar="HOLDINGS.csv", type=file_type)
@click.option("--policy", metavar="ID[@VERSION]", required=True, help="The policy.")
@click.option("--pack", metavar="ID", required=True, help="The prices: a pack's id.")
@click.option(
    "--universe",
    type=file_type,
    help="symbol: what may be held; what is held, if not given.",
)
@click.option("--ratings", type=file_type, help="symbol, rating: scores of quality.")
@click.option("--sectors", type=file_type, help="symbol, sector.")
@click.option(
    "--benchmark-weights",
    type=file_type,
    help="symbol, weight: fractions that sum to 1.",
)
@click.option(
    "--benchmark", metavar="SYMBOL", help="The benchmark's own prices in the pack."
)
@click.option(
    "--views", type=file_type, help="symbol, return: expected a year, fractions."
)
@click.option(
    "--restrict", type=file_type, help="symbol, rule (no-buy, no-sell, lock), shares."
)
@click.option(
    "--cash", default="0", show_default=True, help="Money beside the holdings."
)
@click.option(
    "--what-if",
    multiple=True,
    metavar="KEY=VALUE",
    help="Show what another limit changes; repeatable.",
)
@click.option(
    "--on", type=day, help="The day of the proposal; the pack's own, if not given."
)
@click.option(
    "--max-age",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Days that the pack may be older than --on.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default="proposal",
    show_default=True,
    help="The folder to write.",
)
@click.option(
    "--db", metavar="URL", help="The policies' database; see `bt-run policies`."
)
@store_option
def propose_command(
    holdings: Path,
    policy: str,
    pack: str,
    universe: Path | None,
    ratings: Path | None,
    sectors: Path | None,
    benchmark_weights: Path | None,
    benchmark: str | None,
    views: Path | None,
    restrict: Path | None,
    cash: str,
    what_if: tuple[str, ...],
    on: datetime | None,
    max_age: int,
    out: Path,
    db: str | None,
    store: Path | None,
) -> None:
    """Propose the trades that bring a portfolio under a written policy; nothing is executed.

    Writes proposal.json, trades.csv and proposal.html. The same inputs give the same bytes.

    \b
    Example:
      bt-run propose holdings.csv --policy quality_focused --pack 0123456789abcdef \\
        --ratings ratings.csv --sectors sectors.csv --benchmark-weights index.csv
    """
    require_installed("bt-run propose", LIBRARIES)
    with opened(db) as database:
        stored = database.find(policy)
    files = {
        "holdings": holdings,
        "universe": universe,
        "ratings": ratings,
        "sectors": sectors,
        "benchmark_weights": benchmark_weights,
        "views": views,
        "restrict": restrict,
    }
    portfolio = Portfolio(
        shares=read_holdings(holdings), cash=_money(cash), id=holdings.stem
    )
    facts = Facts(
        universe=None if universe is None else read_symbols(universe),
        ratings=None if ratings is None else read_numbers(ratings, "rating"),
        sectors=None if sectors is None else read_texts(sectors, "sector"),
        benchmark_weights=None
        if benchmark_weights is None
        else read_numbers(benchmark_weights, "weight"),
        views=None if views is None else read_numbers(views, "return"),
        restrictions={} if restrict is None else read_restrictions(restrict),
    )
    prices = prices_in_pack(
        Store.at(store),
        pack,
        names_of(portfolio, facts),
        benchmark,
        stored.policy.lookback,
    )
    refuse_old(prices, prices.as_of if on is None else on.date(), max_age)
    result = propose(portfolio, stored.policy, prices, facts)
    changes = _changes(result, (portfolio, stored.policy, prices, facts), what_if)
    inputs = _inputs(stored, files, (cash, benchmark, what_if))
    inputs["what_if"] = list(changes)
    paths = write_proposal(result, out, inputs, page_of_proposal(result, changes))
    _show(result, changes)
    click.echo(f"written: {', '.join(str(path) for path in paths)}")


def _money(text: str) -> Decimal:
    try:
        found = Decimal(text)
    except InvalidOperation as error:
        raise ConfigError(
            f"--cash was {text!r}; expected money such as 1250.00"
        ) from error
    if not found.is_finite():
        raise ConfigError(f"--cash was {text!r}; expected money such as 1250.00")
    return found


def _inputs(
    stored: Stored, files: dict[str, Path | None], others: tuple[str, str | None, Any]
) -> dict[str, Any]:
    """Return what the proposal was made of: the policy's version, and the hash of each file."""
    cash, benchmark, what_if = others
    hashes = {
        name: hashlib.sha256(path.read_bytes()).hexdigest()
        for name, path in files.items()
        if path is not None
    }
    return {
        "policy": stored.label,
        "policy_version": stored.version,
        "policy_sha256": stored.sha256,
        "cash": cash,
        "benchmark": benchmark,
        "files_sha256": hashes,
        "asked": list(what_if),
    }


def _changes(
    result: RebalanceResult,
    asked: tuple[Portfolio, OptimizationPolicy, PackPrices, Facts],
    what_if: Sequence[str],
) -> tuple[str, ...]:
    """Return what changes under the other limits, a sentence each."""
    if not what_if:
        return ()
    portfolio, policy, prices, facts = asked
    tree = policy.model_dump(mode="json")
    for text in what_if:
        word, equals, value = text.partition("=")
        key = WORDS.get(word, word)
        if not equals or key not in tree:
            known = (*WORDS, *tree)
            raise ConfigError(
                f"--what-if was {text!r}; expected KEY=VALUE with a key of the policy"
                f"{did_you_mean(word, known)}"
            )
        try:
            tree[key] = float(value)
        except ValueError as error:
            raise ConfigError(
                f"--what-if {word} was {value!r}; expected a number"
            ) from error
    other = propose(portfolio, _checked(tree), prices, facts)
    return tuple(_differences(result, other))


def _checked(tree: dict[str, Any]) -> OptimizationPolicy:
    from pydantic import ValidationError

    try:
        return OptimizationPolicy.model_validate(tree)
    except ValidationError as error:
        raise ConfigError(f"--what-if: {error.errors()[0]['msg']}") from error


def _differences(one: RebalanceResult, other: RebalanceResult) -> list[str]:
    told = []
    if one.te_after is not None and other.te_after is not None:
        told.append(f"tracking error {one.te_after:.4%} -> {other.te_after:.4%}")
    told.append(
        f"volatility {one.after.volatility:.4%} -> {other.after.volatility:.4%}"
    )
    told.append(
        f"turnover, two-way {one.total_turnover_pct:.4%} -> {other.total_turnover_pct:.4%}"
    )
    costs = money_text(one.estimated_total_cost), money_text(other.estimated_total_cost)
    told.append(f"costs {costs[0]} -> {costs[1]}")
    before = {trade.symbol: trade.delta_shares for trade in one.trades}
    after = {trade.symbol: trade.delta_shares for trade in other.trades}
    for symbol in sorted({*before, *after}):
        was, then = before.get(symbol, Decimal(0)), after.get(symbol, Decimal(0))
        if was != then:
            told.append(f"{symbol}: {was:+f} -> {then:+f} shares")
    return told


def _show(result: RebalanceResult, changes: Sequence[str]) -> None:
    for sentence in sentences_of(result):
        click.echo(sentence)
    rows = [("trade", "shares", "weight", "target", "cost", "why")]
    for trade in result.trades:
        rows.append(
            (
                trade.symbol,
                f"{trade.delta_shares:+f}",
                f"{trade.current_weight_pct:.2%}",
                f"{trade.target_weight_pct:.2%}",
                money_text(trade.estimated_cost),
                trade.reason,
            )
        )
    if result.trades:
        for line in aligned(rows, [False, True, True, True, True, False]):
            click.echo(line)
    for price in result.shadow_prices:
        click.echo(price.text)
    for change in changes:
        click.echo(f"what if: {change}")


@hookimpl
def bt_commands(cli: click.Group) -> None:
    """Add the command."""
    cli.add_command(propose_command)
