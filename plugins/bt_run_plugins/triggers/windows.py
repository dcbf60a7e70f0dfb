"""Trade at times of day, by the exchange's clock."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, field_validator, model_validator

from bt_run import (
    Array,
    BuildContext,
    Component,
    Config,
    ConfigError,
    Plan,
    PortfolioState,
    Verdict,
    hookimpl,
)

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Window", "Windows", "WindowsConfig", "bt_triggers", "window_of"]

PRESETS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"five_a_day": ("09:35", "10:30", "12:00", "14:30", "15:50")}
)
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_BEFORE_CLOSE = re.compile(r"close(?:-([1-9][0-9]*)min)?")
_EXPECTED = "expected a time HH:MM in quotes, such as '10:30', or 'close-10min'"


@dataclass(frozen=True)
class Window:
    """A time of day: minutes after midnight, or minutes before the session's scheduled close."""

    text: str
    minutes: int
    before_close: bool

    def on(self, close: pd.Timestamp) -> pd.Timestamp:
        """Return the window of the session that closes at ``close``, local time."""
        import pandas as pd

        if self.before_close:
            return close - pd.Timedelta(minutes=self.minutes)
        return close.replace(hour=self.minutes // 60, minute=self.minutes % 60)


def window_of(text: Any) -> Window:
    """Return the window that a text stands for.

    Raises:
        ValueError: it stands for none.
    """
    if not isinstance(text, str):
        raise ValueError(f"a window was the number {text!r}; {_EXPECTED}")
    clock = _CLOCK.fullmatch(text)
    if clock is not None:
        return Window(text, 60 * int(clock[1]) + int(clock[2]), False)
    close = _BEFORE_CLOSE.fullmatch(text)
    if close is None:
        raise ValueError(f"a window was {text!r}; {_EXPECTED}")
    return Window(text, int(close[1] or 0), True)


class WindowsConfig(Config):
    """Configuration of the windows: times, or a preset of them."""

    at: tuple[str, ...] = Field(
        (),
        description="times of day by the exchange's clock, such as '10:30' or close-10min, which "
        "early closes move",
    )
    preset: Literal["five_a_day"] | None = Field(
        None, description="five_a_day: 09:35, 10:30, 12:00, 14:30 and 15:50"
    )

    @field_validator("at", mode="before")
    @classmethod
    def _are_windows(cls, at: Any) -> Any:
        if not isinstance(at, list | tuple):
            raise ValueError(f"at was {at!r}; expected a list of times")
        for one in at:
            window_of(one)
        return at

    @model_validator(mode="after")
    def _one_of_both(self) -> WindowsConfig:
        if bool(self.at) == (self.preset is not None):
            found = "both" if self.at else "neither"
            raise ValueError(f"found {found} of at and preset; expected one of them")
        return self

    @property
    def windows(self) -> tuple[Window, ...]:
        """Return the windows in the order of the text."""
        texts = self.at if self.preset is None else PRESETS[self.preset]
        return tuple(window_of(text) for text in texts)


class Windows:
    """A trigger that fires at the first bar whose end is at or after a window, once a session.

    Its memo is the session and which windows are over in it. A decision that passes several fires
    once.
    """

    def __init__(self, config: WindowsConfig, context: BuildContext) -> None:
        self.windows = config.windows
        self.fill = context.fill

    def check(self, state: PortfolioState, target: Array) -> Verdict:
        """Compare the clock with the windows of the session."""
        history = state.history
        session, now = str(history.session), history.clock
        close = history.session_close
        due = [one.text for one in self.windows if one.on(close) <= now]
        over: list[str] = []
        if state.memo.get("session") == session:
            over = list(state.memo["over"])
        fresh = [text for text in due if text not in over]
        memo = {"session": session, "over": due}
        return Verdict(bool(fresh), reason=", ".join(fresh), memo=memo)

    def advice(self, plan: Plan) -> Iterator[str]:
        """Yield a sentence for each window at which nothing can be traded in its session.

        Raises:
            ConfigError: a window is outside the exchange's session.
        """
        if plan.day is None:
            return
        day, where = plan.day, plan.own.path
        last, before = day.ends[-1], day.ends[-2] if len(day.ends) > 1 else None
        for one in self.windows:
            at = one.on(day.close)
            if not day.open <= at <= day.close:
                raise ConfigError(
                    f"{where}: the window {one.text} is outside the session, {day.open:%H:%M} to "
                    f"{day.close:%H:%M} by the exchange's clock; expected a time within it"
                )
            if at > last:
                yield (
                    f"{where}: the window {one.text} never comes: the last bar of a session ends "
                    f"at {last:%H:%M}"
                )
            elif before is None or at > before:
                yield (
                    f"{where}: the window {one.text} comes at the last bar of a session, which "
                    f"ends at {last:%H:%M}; its orders fill in the next session"
                )


@hookimpl
def bt_triggers() -> list[Component]:
    return [
        Component(
            name="windows",
            config=WindowsConfig,
            build=Windows,
            summary="fires at times of day, once each session, half-days included",
            example={"at": ["10:30", "close-10min"]},
        )
    ]
