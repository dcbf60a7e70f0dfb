"""Run several strategies in one account, each with a budget."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, cast

import numpy as np
from pydantic import Field, model_validator

from bt_run import (
    Array,
    BuildContext,
    Component,
    ComponentSpec,
    Config,
    Nested,
    PortfolioState,
    Proposal,
    hookimpl,
)
from bt_run.decision.trading_costs import proportional_cost
from bt_run_plugins.sizers.book.accounts import (
    SleeveAccount,
    drifted_budgets,
    netted,
)

ROUNDING = 1e-9


class BookConfig(Config):
    """Configuration of the book."""

    sleeves: list[Nested["sizer"]] = Field(  # noqa: F821, UP037 - a role, not a reference
        min_length=1, description="each {use: sleeve, budget, strategy, sizer}"
    )
    rebalance: Literal["decision", "month", "never"] = Field(
        "decision",
        description="when the parts of the sleeves return to their budgets; between, they drift",
    )

    @property
    def specs(self) -> list[ComponentSpec]:
        """Return the sleeves as they are written."""
        return cast("list[ComponentSpec]", self.sleeves)

    @model_validator(mode="after")
    def _is_a_book(self) -> BookConfig:
        for place, spec in enumerate(self.specs):
            if spec.use != "sleeve":
                raise ValueError(
                    f"sleeves.{place} was {spec.use!r}; expected {{use: sleeve, budget: ..., "
                    "strategy: ..., sizer: ...}"
                )
            inner = spec.options.get("sizer")
            if "book" in (inner, getattr(inner, "use", None), _use(inner)):
                raise ValueError(
                    f"sleeves.{place}.sizer was a book; a book holds no other, so list its sleeves "
                    "here"
                )
        budgets = [spec.options.get("budget", 0.0) for spec in self.specs]
        known = [one for one in budgets if isinstance(one, int | float)]
        if sum(known) > 1.0 + ROUNDING:
            raise ValueError(
                f"budgets {', '.join(f'{one:g}' for one in known)} sum to {sum(known):g}; expected "
                "1 at most"
            )
        return self


def _use(spec: Any) -> Any:
    return spec.get("use") if isinstance(spec, dict) else None


class Book:
    """Weights sum_k budget_k w_k of sleeves that each decide as if alone.

    A sleeve sees the weights that it decided last, drifted with the prices since: what triggers and
    fills made of the book is not its matter. Trades of sleeves against each other net out.
    """

    accepts: frozenset[str] = frozenset()

    def __init__(self, config: BookConfig, context: BuildContext) -> None:
        self.config = config
        self.sleeves = context.children["sleeves"]
        self.budgets = np.array(
            [float(spec.options["budget"]) for spec in config.specs]
        )
        self.labels = _labels(config.specs)

    def target_weights(self, state: PortfolioState) -> Proposal:
        """Return weights (N,), with each sleeve's account in the memo and the notes."""
        assets = state.history.assets
        closes = state.history.close(1, asset_bars=True)
        prices = closes[-1] if len(closes) else np.full(len(assets), np.nan)
        kept = state.memo.get("accounts") or [{}] * len(self.sleeves)
        accounts = [SleeveAccount.of(memo, assets, prices) for memo in kept]
        answers = [
            self._asked(place, account, state) for place, account in enumerate(accounts)
        ]
        weights = np.array(
            [np.asarray(one.values, dtype=np.float64) for one in answers]
        )
        before = np.array([account.weights for account in accounts])
        growth = np.array([account.growth for account in accounts])
        last = np.array(state.memo.get("budgets", self.budgets))
        drifted = drifted_budgets(last, growth)
        month = str(state.history.session)[:7]
        budgets = self._budgets(drifted, month, state.memo.get("month"))
        cost = proportional_cost(state)
        trades = budgets[:, None] * weights - drifted[:, None] * before
        alone, together = netted(trades, cost)
        own_cost = (np.abs(weights - before) * cost).sum(axis=1)
        after = [
            account.after(weights[place], float(own_cost[place]), assets, prices)
            for place, account in enumerate(accounts)
        ]
        memo = {
            "sleeves": [dict(one.memo or {}) for one in answers],
            "accounts": after,
            "budgets": [float(one) for one in budgets],
            "month": month,
        }
        notes = {
            "sleeves": self._notes(budgets, after, answers),
            "costs alone": alone,
            "costs netted": together,
        }
        return Proposal(
            (budgets[:, None] * weights).sum(axis=0), memo=memo, notes=notes
        )

    def _asked(
        self, place: int, account: SleeveAccount, state: PortfolioState
    ) -> Proposal:
        own = state.child("sleeves", place).seen(weights=account.weights)
        answer: Proposal = self.sleeves[place](own)
        return answer

    def _budgets(self, drifted: Array, month: str, last: str | None) -> Array:
        """Return the parts of the sleeves after this decision, (K,)."""
        if last is None or self.config.rebalance == "decision":
            return self.budgets
        if self.config.rebalance == "month" and month != last:
            return self.budgets
        return drifted

    def _notes(
        self,
        budgets: Array,
        accounts: Sequence[dict[str, Any]],
        answers: Sequence[Proposal],
    ) -> dict[str, Any]:
        return {
            label: {
                "budget": float(budgets[place]),
                "value": accounts[place]["value"],
                **dict(answers[place].notes or {}),
            }
            for place, label in enumerate(self.labels)
        }


def _labels(specs: Sequence[ComponentSpec]) -> list[str]:
    """Return what tables call the sleeves, numbered where two are called the same."""
    found = []
    for spec in specs:
        strategy = spec.options.get("strategy")
        use = strategy if isinstance(strategy, str) else _use(strategy)
        found.append(str(spec.options.get("name") or use or "sleeve"))
    return [
        f"{name} {place}" if found.count(name) > 1 else name
        for place, name in enumerate(found)
    ]


@hookimpl
def bt_sizers() -> list[Component]:
    sleeves = [
        {
            "use": "sleeve",
            "budget": 0.6,
            "strategy": {"use": "trend", "fast": 5, "slow": 20},
            "sizer": "equal_weight",
        },
        {
            "use": "sleeve",
            "budget": 0.4,
            "strategy": {"use": "mean_reversion", "lookback": 10, "entry": 1.0},
            "sizer": "equal_weight",
        },
    ]
    return [
        Component(
            name="book",
            config=BookConfig,
            build=Book,
            summary="several strategies in one account, each with a budget",
            example={"sleeves": sleeves},
        )
    ]
