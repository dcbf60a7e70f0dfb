"""Trade once a period, under a denser schedule."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from bt_run import (
    Array,
    BuildContext,
    Component,
    Config,
    PortfolioState,
    Verdict,
    hookimpl,
    period_of,
)


class CalendarConfig(Config):
    """Configuration of the calendar trigger."""

    every: Literal["session", "week", "month", "quarter", "year"] = Field(
        description="fire at the first decision of each such period in which nothing has been "
        "traded yet"
    )


class Calendar:
    """A trigger that fires when no trade has been made since the current period began."""

    def __init__(self, config: CalendarConfig, context: BuildContext) -> None:
        self.config = config

    def check(self, state: PortfolioState, target: Array) -> Verdict:
        """Compare the period of the last trade with today's."""
        if state.last_trade is None:
            return Verdict(True, reason="first trade")
        every = self.config.every
        now = period_of(state.history.session, every)
        then = period_of(state.last_trade, every)
        return Verdict(bool(now != then), reason=f"new {every}")


@hookimpl
def bt_triggers() -> list[Component]:
    return [
        Component(
            name="calendar",
            config=CalendarConfig,
            build=Calendar,
            summary="fires at the first decision of each week, month, quarter or year",
            example={"every": "month"},
        )
    ]
