"""Play many configurations on bars that are loaded once."""

from __future__ import annotations

from collections.abc import Sequence

from bt_run.backtest.lessons import with_models
from bt_run.backtest.playing import due_bars, market_of
from bt_run.backtest.playing import play as play_market
from bt_run.backtest.preparing import Prepared
from bt_run.config.canonical_form import resolved
from bt_run.decision.pipeline import Pipeline
from bt_run.errors import ConfigError
from bt_run.results.ledger import Ledger

__all__ = ["play"]

# what belongs to the account, and not to the pipeline that decides on it
ACCOUNT = ("broker", "exits", "limits", "controls")


def play(prepared: Prepared, then: Sequence[tuple[int, Prepared]] = ()) -> Ledger:
    """Play what ``prepare`` or ``prepared.changed`` returned, and nothing else: no baselines, no
    reports, no checks. The ledger is that of the run.

    ``then`` lists bars, rising, each with another of these on the same bars: from that bar on its
    pipeline decides, by its own schedule, on the same account. Components with the same name at
    the same path find their memos; others start with none.

    Raises:
        ConfigError: a later one cannot go on with the account of the first.
        BtRunError: a plugin broke its contract.
    """
    config, bars = prepared.config, prepared.bars
    parts = with_models(config, prepared.parts.on(bars), bars)
    due = due_bars(config, parts, bars)
    later: list[tuple[int, Pipeline]] = []
    before = bars.start
    for bar, other in then:
        _check_later(prepared, before, bar, other)
        pipeline = with_models(other.config, other.parts.on(bars), bars).pipeline
        assert pipeline is not None
        later.append((bar, pipeline))
        due[bar:] = due_bars(other.config, other.parts, bars)[bar:]
        before = bar
    market = market_of(config, parts, bars)
    return play_market(config, parts, market, due, then=tuple(later))


def _check_later(first: Prepared, before: int, bar: int, other: Prepared) -> None:
    """Refuse a later configuration that cannot go on with the account of the first."""
    if not before < bar < len(first.bars):
        raise ConfigError(
            f"then: was to go on from bar {bar}; expected one after {before} and before "
            f"{len(first.bars)}, the number of bars"
        )
    if other.bars is not first.bars:
        raise ConfigError(
            "then: holds bars of its own; expected prepared.changed(...) of the first"
        )
    if first.parts.pipeline is None or other.parts.pipeline is None:
        raise ConfigError(
            "then: a Backtrader strategy keeps its own account; expected pipelines"
        )
    own = resolved(first.config, first.bound)
    its = resolved(other.config, other.bound)
    for key in ACCOUNT:
        if own[key] != its[key]:
            raise ConfigError(
                f"then: {key} differs, which belongs to the account; expected the same"
            )
