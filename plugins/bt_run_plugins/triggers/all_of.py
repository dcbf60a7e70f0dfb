"""Trade when several triggers agree."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import Field

from bt_run import (
    Array,
    BuildContext,
    Component,
    Config,
    Nested,
    PortfolioState,
    Verdict,
    hookimpl,
)
from bt_run.arrays import Mask


class AllOfConfig(Config):
    """Configuration of the triggers that must agree."""

    triggers: list[Nested["trigger"]] = Field(  # noqa: F821, UP037 - a role, not a forward reference
        min_length=2, description="triggers that must fire together"
    )


class AllOf:
    """A trigger that fires for the names that all of its triggers fire for.

    Any veto is one, and what any of them blocks is blocked. Each remembers for itself, whether it
    was heard or not.
    """

    def __init__(self, config: AllOfConfig, context: BuildContext) -> None:
        self.triggers = context.children["triggers"]

    def check(self, state: PortfolioState, target: Array) -> Verdict:
        """Ask all of them about a target (N,)."""
        verdicts: list[Verdict] = [
            trigger(state.child("triggers", place), target)
            for place, trigger in enumerate(self.triggers)
        ]
        everyone = np.ones(len(target), dtype=bool)
        names, blocked = everyone, ~everyone
        for verdict in verdicts:
            names = names & _asked(verdict, everyone)
            if verdict.blocked is not None:
                blocked = blocked | verdict.blocked
        vetoes = [one.reason for one in verdicts if one.veto]
        reasons = vetoes or [one.reason for one in verdicts]
        return Verdict(
            bool(names.any()),
            veto=bool(vetoes),
            names=names,
            reason=" and ".join(reason for reason in reasons if reason),
            memo=_memos(verdicts, state),
            blocked=blocked,
        )


def _asked(verdict: Verdict, everyone: Mask) -> Mask:
    """Return which names a verdict fires for, (N,)."""
    if not verdict.fire:
        return ~everyone
    return everyone if verdict.names is None else verdict.names


def _memos(verdicts: list[Verdict], state: PortfolioState) -> dict[str, Any]:
    """Return the memos of all; one that said nothing keeps the one before."""
    return {
        "triggers": [
            dict(
                state.child("triggers", place).memo
                if verdict.memo is None
                else verdict.memo
            )
            for place, verdict in enumerate(verdicts)
        ]
    }


@hookimpl
def bt_triggers() -> list[Component]:
    return [
        Component(
            name="all_of",
            config=AllOfConfig,
            build=AllOf,
            summary="fires for the names that all of its triggers fire for",
            example={
                "triggers": [
                    {"use": "calendar", "every": "week"},
                    {"use": "drift_bands", "name": 0.01},
                ]
            },
        )
    ]
