"""Cut exposure as a drawdown deepens, and come back."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from pydantic import Field, field_validator

from bt_run import (
    Array,
    BuildContext,
    Component,
    Config,
    Plan,
    PortfolioState,
    Proposal,
    hookimpl,
)

# on these it looks often enough to act in time
DENSE = ("bar", "session", "week", "week_end")


class Step(Config):
    """One step of the guard."""

    depth: float = Field(
        gt=0.0,
        lt=1.0,
        description="drawdown at which the step begins, fraction of the peak",
    )
    exposure: float = Field(
        ge=0.0, le=1.0, description="what is left of every weight, a fraction"
    )


class DrawdownGuardConfig(Config):
    """Configuration of the guard."""

    steps: tuple[Step, ...] = Field(
        min_length=1, description="from the shallowest to the deepest"
    )
    restore: float = Field(
        0.5,
        gt=0.0,
        le=1.0,
        description="a step ends when the drawdown is back to depth * restore",
    )

    @field_validator("steps")
    @classmethod
    def _deeper_is_less(cls, steps: tuple[Step, ...]) -> tuple[Step, ...]:
        for one, other in pairwise(steps):
            if other.depth <= one.depth or other.exposure >= one.exposure:
                raise ValueError(
                    f"step ({other.depth}, {other.exposure}) follows ({one.depth}, "
                    f"{one.exposure}); "
                    "expected rising depths and falling exposures"
                )
        return steps


class DrawdownGuard:
    """A guard that multiplies weights by the exposure of the step that the drawdown has reached.

    The drawdown is that of the track without this guard: the guard's own account stands still in
    cash and could never tell that it is time to come back.
    """

    guards = True
    reads_tracks = True

    def __init__(self, config: DrawdownGuardConfig, context: BuildContext) -> None:
        self.config = config

    def advice(self, plan: Plan) -> Iterator[str]:
        """Warn of a schedule on which the guard can hardly act."""
        if plan.schedule not in DENSE:
            yield (
                f"schedule: {plan.schedule}, so the {plan.own.name} looks only then; a denser "
                "schedule with a calendar trigger lets it act between"
            )

    def adjust(self, state: PortfolioState, weights: Array) -> Proposal:
        """Return weights (N,) * exposure of the current step; the memo holds how many steps are in
        force.
        """
        unguarded = state.tracks[list(state.tracks)[-1]]
        drawdown = 1.0 - float(unguarded[-1]) / float(unguarded.max())
        steps = self.config.steps
        taken = int(state.memo.get("steps", 0))
        while taken < len(steps) and drawdown >= steps[taken].depth:
            taken += 1
        while taken > 0 and drawdown < steps[taken - 1].depth * self.config.restore:
            taken -= 1
        exposure = steps[taken - 1].exposure if taken else 1.0
        notes = {"drawdown": drawdown, "exposure": exposure} if taken else None
        return Proposal(weights * exposure, memo={"steps": taken}, notes=notes)


@hookimpl
def bt_overlays() -> list[Component]:
    return [
        Component(
            name="drawdown_guard",
            config=DrawdownGuardConfig,
            build=DrawdownGuard,
            summary="cuts exposure in steps as drawdown deepens, restores it with hysteresis",
            example={
                "steps": [
                    {"depth": 0.02, "exposure": 0.5},
                    {"depth": 0.05, "exposure": 0.0},
                ]
            },
        )
    ]
