"""The records that the manifest keeps of each file: what it is, whence it came, what was done."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from bt_run_plugins.sources.sample import PriceConvention

__all__ = [
    "Entry",
    "Extent",
    "FindingsEntry",
    "KnownDays",
    "LoggedStep",
    "NoFacts",
    "ProcessedEntry",
    "ProcessedFacts",
    "RawEntry",
    "RawFacts",
    "Record",
    "Request",
    "first_fault",
]


class Record(BaseModel):
    """A frozen record in a file of the store; unknown keys and other types are refused."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        # a NaN in settings must not turn into null without a word
        ser_json_inf_nan="constants",
    )


def first_fault(error: ValidationError) -> str:
    """Return where the first value stands that a record refuses, and why."""
    fault = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in fault["loc"])
    return f"{place or 'the text'} was {fault['input']!r}; {fault['msg']}"


class KnownDays(NamedTuple):
    """The days of which all is known of a series.

    Without a ``first`` they begin with the series itself; without a ``last`` nobody asks for more.
    """

    first: date | None = None
    last: date | None = None


class Extent(Record):
    """The rows of a series with all of its files, and the times of the first and the last one."""

    rows: int
    first: str | None
    last: str | None


class Request(Record):
    """The days that were asked for, both included; without a ``start``, the symbol's beginning."""

    start: date | None
    end: date
    interval: str


class RawFacts(Record):
    """What is known of prices as they were received.

    Attributes:
        fetched_at: when they came, in UTC.
        prices: what open, high, low and close are, where somebody said it.
        whole: whether the file holds all of the series, and takes the place of those before it.
        covers: the days of which all is known with this file.
        series: what the series is with this file.
        notes: what a user should know, a sentence each.
        unfinished: the end of the first bar that was not over when it came.
        origin: the file or sample that they were imported from.
        calendar, request, yfinance: how they were fetched.
    """

    fetched_at: str
    prices: PriceConvention | None
    whole: bool
    covers: KnownDays
    series: Extent
    notes: tuple[str, ...] = ()
    unfinished: str | None = None
    origin: str | None = None
    calendar: str | None = None
    request: Request | None = None
    yfinance: str | None = None


class LoggedStep(Record):
    """What one step of the cleaning did to a series."""

    step: str
    rows_before: int
    rows_after: int
    changed: int
    text: str


class ProcessedFacts(Record):
    """What was made of a series' raw files, and how.

    Attributes:
        inputs: the sha256 of each raw file that went in, oldest first.
        steps: the steps that changed something.
        findings: how many findings of each severity the validation had.
        failed: whether those findings fail the profile.
        settings: the configurations of the cleaning and of the validation.
    """

    inputs: tuple[str, ...]
    prices: PriceConvention | None
    notes: tuple[str, ...]
    steps: tuple[LoggedStep, ...]
    findings: Mapping[str, int]
    failed: bool
    settings: Mapping[str, Any]
    calendar: str
    alignment: str
    profile: str
    versions: Mapping[str, str]


class NoFacts(Record):
    """Facts on a table of findings: none, its rows say it all."""


class Entry(Record):
    """One file of the store."""

    file: str
    sha256: str
    rows: int
    first: str | None
    last: str | None
    made_at: str


class RawEntry(Entry):
    """A file of prices as they were received."""

    facts: RawFacts


class ProcessedEntry(Entry):
    """A file of prices that were cleaned and validated."""

    facts: ProcessedFacts


class FindingsEntry(Entry):
    """The file of what validation found."""

    facts: NoFacts = NoFacts()
