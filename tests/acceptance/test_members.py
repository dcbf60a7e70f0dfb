"""A strategy of strategies: it sees its members' past, and what they must not see is found."""

from pathlib import Path

import pytest
from kit.places import EXAMPLES

from bt_run import RunConfig, load_config, run
from bt_run.checks.lookahead import Lookahead, check_lookahead

META = '''
import numpy as np
from pydantic import Field
from bt_run import Component, Config, Nested, Proposal, hookimpl


class MetaConfig(Config):
    members: tuple[Nested["strategy"], ...]
    lookback: int = Field(default=63, ge=2, description="bars by which members are judged")
    dwell: int = Field(default=3, ge=1, description="decisions for which a choice stands")


class Meta:
    """Of each asset, the member that earned most on it lately; a choice stands for a while."""

    def __init__(self, config, context):
        self.config, self.members = config, context.children["members"]

    def signal(self, state):
        now = np.array([member(state) for member in self.members])
        chosen, since = self._chosen(state)
        values = np.where(chosen >= 0, now[np.maximum(chosen, 0), np.arange(len(chosen))], np.nan)
        memo = {"chosen": chosen.tolist(), "since": since.tolist()}
        return Proposal(values, memo=memo, notes=memo)

    def _chosen(self, state):
        """Return the member of each asset (N,), and for how many decisions it has stood."""
        count = len(state.history.assets)
        before = np.array(state.memo.get("chosen", [-1] * count))
        since = np.array(state.memo.get("since", [0] * count)) + 1
        best = self._best(state)
        free = (before < 0) | (since > self.config.dwell)
        changes = free & (best >= 0) & (best != before)
        return np.where(changes, best, before), np.where(changes, 1, since)

    def _best(self, state):
        """Return the member of each asset (N,) that earned most; -1 where none is known."""
        returns = state.history.returns(self.config.lookback)
        earned = []
        for member in self.members:
            held = member.past(state, len(returns) + 1)[:-1]
            returns_then = returns[len(returns) - len(held):]
            earned.append(np.nansum(held * returns_then, axis=0))
        scores = np.array(earned)
        return np.where(np.isfinite(returns).any(axis=0), scores.argmax(axis=0), -1)


class Peeking(Meta):
    """The same, but for what it reaches behind its members."""

    def _best(self, state):
        later = [member.rows[len(state.history) + 20] for member in self.members]
        return np.nan_to_num(np.array(later)).argmax(axis=0)


class Prophet:
    """Long what rises tomorrow."""

    def signals(self, bars):
        out = np.zeros(bars.close.shape)
        out[:-1] = np.sign(bars.close[1:] / bars.close[:-1] - 1.0)
        return np.where(bars.tradable, np.maximum(np.nan_to_num(out), 0.0), np.nan)


@hookimpl
def bt_strategies():
    return [
        Component(name="pile", config=MetaConfig, build=Meta, summary="Choose members."),
        Component(name="peeking", config=MetaConfig, build=Peeking, summary="Peek."),
        Component(
            name="prophet", config=Config, build=lambda config, context: Prophet(), summary="Know."
        ),
    ]
'''


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    (tmp_path / "meta.py").write_text(META)
    return tmp_path / "meta.py"


def config(plugin: Path, use: str, *members: object) -> RunConfig:
    flagship = load_config(EXAMPLES / "spy_qqq.yaml", ["data.end=2006-12-31"])
    return RunConfig.model_validate(
        flagship.model_dump()
        | {
            "plugins": [plugin],
            "strategy": {"use": use, "members": list(members)},
            "schedule": "week",
        }
    )


TREND = {"use": "trend", "fast": 20, "slow": 100}
SLOW = {"use": "trend", "fast": 50, "slow": 200}


def test_members_are_chosen_by_their_past_and_a_choice_stands(plugin: Path) -> None:
    result = run(config(plugin, "pile", TREND, "buy_and_hold"))
    assert "none found" in result.look_ahead
    memos = result.memos[result.memos["component"] == "strategy"]["memo"]
    chosen = memos.str.extract(r'"chosen": \[(-?\d+), (-?\d+)\]').astype(int)
    for _, asset in chosen.items():
        spells = (asset != asset.shift()).cumsum()
        lengths = spells.value_counts().sort_index()
        assert len(lengths) > 3  # it does change
        assert lengths.iloc[1:-1].min() >= 3  # and not before the choice has stood


def test_its_look_ahead_check_is_clean(plugin: Path) -> None:
    assert (
        check_lookahead(config(plugin, "pile", TREND, SLOW), dates=3).verdict == "clean"
    )


def test_a_member_that_knows_tomorrow_is_named_by_its_path(plugin: Path) -> None:
    prophecy = config(plugin, "pile", TREND, "prophet")
    result = run(prophecy)
    assert "strategy.members.1 prophet: signals of" in result.look_ahead
    assert any(
        "look-ahead: strategy.members.1 prophet" in text for text in result.warnings
    )
    found = check_lookahead(prophecy, dates=3)
    assert found.verdict == "leak"
    assert {leak.component for leak in found.leaks} == {"strategy.members.1 prophet"}


def test_a_parent_cannot_reach_later_rows_of_a_member(plugin: Path) -> None:
    with pytest.raises(Exception, match="'Member' object has no attribute 'rows'"):
        run(config(plugin, "peeking", TREND, SLOW))


def test_a_member_of_a_strategy_of_a_sleeve_of_a_book_is_named_by_its_path(
    plugin: Path,
) -> None:
    """Members three deep: book, sleeve, choice."""

    def checked(*members: object) -> Lookahead:
        tree = config(plugin, "pile", TREND, SLOW).model_dump()
        del tree["strategy"]
        tree["data"]["end"] = "2000-12-29"
        chosen = {"use": "meta", "members": list(members), "halflife": 5}
        sleeve = {"use": "sleeve", "budget": 0.5, "sizer": "equal_weight"}
        sleeves = [sleeve | {"strategy": one} for one in ("buy_and_hold", chosen)]
        book = {"use": "book", "sleeves": sleeves}
        tree |= {"sizer": book, "schedule": "month"}
        return check_lookahead(RunConfig.model_validate(tree), dates=1, cuts=10)

    assert checked(TREND, SLOW).verdict == "clean"
    found = checked(TREND, "prophet")
    assert found.verdict == "leak"
    assert "sizer.sleeves.1.strategy.members.1 prophet" in str(found.leaks)
