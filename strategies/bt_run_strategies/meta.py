"""Trade each asset by the one of several strategies that did best on it lately."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from bt_run import (
    Array,
    BuildContext,
    Component,
    ComponentSpec,
    Config,
    ConfigError,
    Nested,
    PortfolioState,
    Proposal,
    hookimpl,
)
from bt_run.account.sleeves import sleeve_returns
from bt_run.decision.trading_costs import proportional_cost
from bt_run_strategies.selection import recent_scores, variance_ratio

HALFLIVES = 8  # of them in the window: what is older weighs less than 0.4 %
BEFORE = 3  # rows before the window, of which its first returns follow
PERFORMANCE, RATIO, NONE = "performance", "variance ratio", "no opinion"

Places = NDArray[np.int_]


class RegimeConfig(Config):
    """Configuration of the rule by the variance ratio."""

    above: int = Field(
        0, ge=0, description="place of the member for prices whose moves go on"
    )
    below: int = Field(
        1, ge=0, description="place of the member for prices whose moves turn back"
    )
    lag: int = Field(10, ge=2, description="own bars in the longer move")
    halflife: float = Field(20.0, gt=0.0, description="own bars after which one half")
    margin: float = Field(
        0.05, ge=0.0, description="how far from 1 the ratio must be to decide"
    )


class MetaConfig(Config):
    """Configuration of the choice among strategies."""

    members: list[Nested["strategy"]] = Field(  # noqa: F821, UP037 - a role, not a reference
        min_length=2, description="vectorised strategies that give exposures"
    )
    how: Literal["select", "blend", "equal"] = Field(
        "select",
        description="the best member of each asset, a mix by how good they were, or equal parts",
    )
    halflife: float = Field(
        20.0, gt=0.0, description="own bars after which a return counts half"
    )
    least: int = Field(
        40, ge=2, description="own bars without which there is no opinion"
    )
    margin: float = Field(
        0.05,
        ge=0.0,
        description="lead in mean / deviation per bar that the best needs over the second",
    )
    dwell: int = Field(
        4, ge=0, description="scheduled decisions that a member stays at least"
    )
    no_opinion: Literal["keep", "cash"] = Field(
        "keep", description="what is done with an asset that no member leads on"
    )
    regime: RegimeConfig | None = Field(
        None, description="a rule that is asked first; null: none"
    )

    @model_validator(mode="after")
    def _regime_names_members(self) -> MetaConfig:
        for name in ("above", "below") if self.regime is not None else ():
            place = getattr(self.regime, name)
            if place >= len(self.members):
                raise ValueError(
                    f"regime.{name} was {place}; expected the place of a member, 0 to "
                    f"{len(self.members) - 1}"
                )
        return self


@dataclass(frozen=True)
class _Opinion:
    """Which member each asset should have, (N,), -1 where nothing is known; the lead of the best
    over the second, (N,), and the rule that said so, (N,).
    """

    wanted: Places
    lead: Array
    rule: NDArray[np.object_]


class Meta:
    """Exposures of the member that did best on each asset lately, net of costs.

    A member's score on an asset is mean / root mean square of the net returns of its sleeve there:
    what its exposure would have earned alone, filled as the run fills. The last member stays while
    the best leads the second by less than ``margin``, and for ``dwell`` scheduled decisions at
    least. At first an asset has the first member.
    """

    def __init__(self, config: MetaConfig, context: BuildContext) -> None:
        self.config = config
        self.fill = context.fill
        self.members = context.children["members"]
        names = [spec.use for spec in cast("list[ComponentSpec]", config.members)]
        self.labels = _labels(names)
        for place, member in enumerate(self.members):
            if not hasattr(member, "past"):
                raise ConfigError(
                    f"members.{place}: strategy {names[place]!r} decides event by event and has no "
                    "past to be judged by; expected a vectorised one"
                )
        self.window = ceil(HALFLIVES * config.halflife)

    def signal(self, state: PortfolioState) -> Proposal:
        """Return exposures (N,), with switches in the notes."""
        exposure = self._exposures(state)
        now = exposure[:, -1]
        if self.config.how == "equal":
            return Proposal(now.mean(axis=0))
        cost = proportional_cost(state)
        scores = self._scores(state, exposure, cost)
        if self.config.how == "blend":
            return self._blended(state, now, scores)
        return self._selected(state, now, scores, cost)

    def _exposures(self, state: PortfolioState) -> Array:
        rows = max(self.window, self._ratio_rows) + BEFORE
        return np.array(
            [
                member.past(state.child("members", place), rows)
                for place, member in enumerate(self.members)
            ]
        )

    @property
    def _ratio_rows(self) -> int:
        regime = self.config.regime
        return 0 if regime is None else ceil(HALFLIVES * regime.halflife) + regime.lag

    def _scores(self, state: PortfolioState, exposure: Array, cost: Array) -> Array:
        """Return the score of each member on each asset, (M, N)."""
        rows = exposure.shape[1]
        closes, opens = state.history.close(rows), state.history.open(rows)
        returns = np.array(
            [sleeve_returns(own, closes, opens, self.fill, cost) for own in exposure]
        )
        return recent_scores(
            returns[:, -self.window :], self.config.halflife, self.config.least
        )

    def _selected(
        self, state: PortfolioState, now: Array, scores: Array, cost: Array
    ) -> Proposal:
        """Give each asset one member: the one it had, unless another leads and it may switch."""
        names, config = state.history.assets, self.config
        opinion = self._opinion(state, scores)
        held = self._held(state)
        known = state.memo.get("since", {})
        since = np.array([known.get(name, config.dwell) for name in names])
        switch = (
            (opinion.wanted >= 0) & (opinion.wanted != held) & (since >= config.dwell)
        )
        new = np.where(switch, opinion.wanted, held)
        chosen = _of_each(now, new)
        change = np.abs(np.nan_to_num(chosen) - np.nan_to_num(_of_each(now, held)))
        if config.no_opinion == "cash":
            chosen = np.where((opinion.wanted < 0) & np.isfinite(chosen), 0.0, chosen)
        stayed = np.where(switch, 1, since + 1)
        memo = {
            "member": {names[i]: self.labels[place] for i, place in enumerate(new)},
            "since": {names[i]: int(count) for i, count in enumerate(stayed)},
        }
        switches = [
            {
                "asset": names[i],
                "from": self.labels[held[i]],
                "to": self.labels[new[i]],
                "lead": float(opinion.lead[i])
                if np.isfinite(opinion.lead[i])
                else None,
                "cost": float(cost[i] * change[i]),
                "rule": str(opinion.rule[i]),
            }
            for i in np.flatnonzero(switch)
        ]
        return Proposal(
            chosen, memo=memo, notes={"switches": switches} if switches else None
        )

    def _held(self, state: PortfolioState) -> Places:
        """Return the place of the member that each asset has, (N,)."""
        memo = state.memo.get("member", {})
        first = self.labels[0]
        return np.array(
            [self.labels.index(memo.get(name, first)) for name in state.history.assets]
        )

    def _opinion(self, state: PortfolioState, scores: Array) -> _Opinion:
        ordered = np.sort(scores, axis=0)
        lead = ordered[-1] - ordered[-2]
        known = np.isfinite(scores).all(axis=0)
        best = np.argmax(np.where(known, scores, 0.0), axis=0)
        clear = known & (lead > self.config.margin)
        wanted = np.where(clear, best, -1)
        rule = np.where(clear, PERFORMANCE, NONE).astype(object)
        regime = self.config.regime
        if regime is not None:
            ratio = variance_ratio(
                state.history.close(self._ratio_rows),
                regime.lag,
                regime.halflife,
                self.config.least,
            )
            goes_on, turns = ratio > 1.0 + regime.margin, ratio < 1.0 - regime.margin
            wanted = np.where(
                goes_on, regime.above, np.where(turns, regime.below, wanted)
            )
            rule[goes_on | turns] = RATIO
        return _Opinion(wanted, lead, rule)

    def _blended(self, state: PortfolioState, now: Array, scores: Array) -> Proposal:
        """Mix the members in proportion to their scores above 0."""
        names = state.history.assets
        good = np.where(np.isfinite(scores), np.maximum(scores, 0.0), 0.0)
        total = good.sum(axis=0)
        opinion = total > self.config.margin
        equal = [1.0 / len(self.members)] * len(self.members)
        before = np.array(
            [state.memo.get("parts", {}).get(name, equal) for name in names]
        ).T
        parts = np.where(opinion, good / np.where(opinion, total, 1.0), before)
        used = parts
        if self.config.no_opinion == "cash":
            used = np.where(opinion, parts, 0.0)
        mixed = (np.nan_to_num(now) * used).sum(axis=0)
        values = np.where(np.isfinite(now).any(axis=0), mixed, np.nan)
        memo = {
            "parts": {
                name: list(map(float, part))
                for name, part in zip(names, parts.T, strict=True)
            }
        }
        return Proposal(values, memo=memo)


def _labels(names: Sequence[str]) -> list[str]:
    """Return the members' names, numbered where one stands there more than once."""
    return [
        f"{name} {place}" if names.count(name) > 1 else name
        for place, name in enumerate(names)
    ]


def _of_each(rows: Array, places: Places) -> Array:
    """Return of rows (M, N) the one at each asset's place, (N,)."""
    return np.asarray(rows[places, np.arange(rows.shape[1])])


@hookimpl
def bt_strategies() -> list[Component]:
    return [
        Component(
            name="meta",
            config=MetaConfig,
            build=Meta,
            summary="of several strategies the one that did best on each asset lately, after costs",
            example={
                "members": [
                    {"use": "trend", "fast": 5, "slow": 20},
                    {"use": "mean_reversion", "lookback": 10, "entry": 1.0},
                ],
                "halflife": 5,
                "least": 10,
                "dwell": 2,
            },
        )
    ]
