"""A case of the conformance kit: one promise, why it matters, and how it is put to the test."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np

from bt_run.arrays import Array
from bt_run.backtest.building import missing_for
from bt_run.data.bars import Bars
from bt_run.errors import BtRunError
from bt_run.libraries import needs_text, not_installed_text
from bt_run.testing.conformance.digests import digest_of
from bt_run.testing.conformance.markets import market, with_made_tables
from bt_run.testing.conformance.plays import Play, play_on
from bt_run.testing.conformance.subjects import Subject

__all__ = [
    "Bench",
    "Broken",
    "Case",
    "CaseOutcome",
    "NotApplicable",
    "differing",
    "told",
]

Mark = Literal["passed", "failed", "skipped"]


class Broken(Exception):  # noqa: N818 - it reads as what it says
    """What was found, and what would be right."""

    def __init__(self, found: str, right: str) -> None:
        super().__init__(f"{found}; expected {right}")
        self.found, self.right = found, right


class NotApplicable(Exception):  # noqa: N818
    """The reason why a case could not be put to the test."""


@dataclass(frozen=True)
class Case:
    """One promise.

    Attributes:
        number, name: such as ``S09`` and ``no_look_ahead``.
        why: why it matters, a sentence.
        check: raises Broken or NotApplicable, or returns a remark for the table, or nothing.
        given: the cases without which it has no meaning: when one fails, this is skipped.
    """

    number: str
    name: str
    why: str
    check: Callable[[Bench], str | None]
    given: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """Return its number and name."""
        return f"{self.number} {self.name}"


@dataclass(frozen=True)
class CaseOutcome:
    """What became of one case.

    Attributes:
        subject: the component, as ``role:name``.
        case: the promise.
        mark: passed, failed or skipped.
        text: what was found and would be right, why it was skipped, or a remark.
    """

    subject: str
    case: Case
    mark: Mark
    text: str = ""

    @property
    def failure(self) -> str:
        """Return the lines that a reader of a failure needs."""
        return f"{self.subject} breaks {self.case.title}\n  why:   {self.case.why}\n  {self.text}"


@dataclass(eq=False)
class Bench:
    """A subject put to its cases; plays on the made markets are kept, so that cases share them.

    Attributes:
        subject: the component that is tested.
        cases: those of its role.
        plays: what was played already, by the market's name.
        outcomes: what became of cases already, by their number.
    """

    subject: Subject
    cases: tuple[Case, ...]
    plays: dict[str, Play] = field(default_factory=dict)
    outcomes: dict[str, CaseOutcome] = field(default_factory=dict)

    @cached_property
    def digest(self) -> str:
        """Return the hash of all that the subject answers."""
        return digest_of(self.subject)

    def play(self, name: str) -> Play:
        """Return the subject's play on the made market ``name``."""
        if name not in self.plays:
            self.plays[name] = play_on(self.subject, self.market(name))
        return self.plays[name]

    def market(self, name: str) -> Bars:
        """Return the made market ``name``, with the tables that the subject reads."""
        return with_made_tables(market(name), self.reads)

    @cached_property
    def reads(self) -> Mapping[str, str]:
        """Return the tables that the subject reads, and of what kind they are."""
        try:
            return self.subject.build().reads
        except BtRunError:
            return {}  # the cases of the offer say what is wrong

    @cached_property
    def not_installed(self) -> str:
        """Return which libraries of the subject are not installed, with the command that installs
        them; nothing where none is missing.
        """
        try:
            bound = self.subject.bind()
        except BtRunError:
            return ""  # the cases of the offer say what is wrong
        missing = missing_for(bound, self.subject.role)
        needs = [needs_text(repr(bound.name), missing)]
        return not_installed_text(needs, missing.values()) if missing else ""

    def outcome(self, number: str) -> CaseOutcome:
        """Return what became of the case ``number``, such as S09; run it if it has not been."""
        if number not in self.outcomes:
            self.outcomes[number] = self._run(
                next(case for case in self.cases if case.number == number)
            )
        return self.outcomes[number]

    def _run(self, case: Case) -> CaseOutcome:
        label = self.subject.label
        if self.not_installed:
            return CaseOutcome(label, case, "skipped", self.not_installed)
        for number in case.given:
            before = self.outcome(number)
            if before.mark == "failed":
                return CaseOutcome(
                    label, case, "skipped", f"{before.case.title} failed"
                )
            if before.mark == "skipped":
                return CaseOutcome(label, case, "skipped", before.text)
        try:
            remark = case.check(self)
        except NotApplicable as reason:
            return CaseOutcome(label, case, "skipped", str(reason))
        except Broken as broken:
            return CaseOutcome(
                label, case, "failed", f"found: {broken.found}\n  right: {broken.right}"
            )
        except Exception as error:
            return CaseOutcome(
                label,
                case,
                "failed",
                f"found: {told(error)}{_place(error)}\n  right: no error",
            )
        return CaseOutcome(label, case, "passed", remark or "")


def told(error: Exception) -> str:
    """Return an error in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _place(error: Exception) -> str:
    """Say where an error that is not one of bt-run's was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    return (
        ""
        if isinstance(error, BtRunError) or not frames
        else f" ({frames[-1].filename}:{frames[-1].lineno})"
    )


def differing(one: Play, other: Play, bar: int, tolerance: float = 0.0) -> str | None:
    """Say where two plays first differ up to ``bar``, or None; ``tolerance`` is absolute."""
    mine, theirs = one.until(bar), other.until(bar)
    for a, b in zip(mine, theirs, strict=False):
        if a.bar != b.bar or not _same(a.values, b.values, tolerance):
            asset, was, now = _first(a.values, b.values, one.bars.assets, tolerance)
            return f"at bar {a.bar} {asset} was {was} and is {now}"
    if len(mine) != len(theirs):
        return f"{len(mine)} answers became {len(theirs)}"
    return None


def _same(one: Array | None, other: Array | None, tolerance: float) -> bool:
    if one is None or other is None:
        return one is other
    if tolerance == 0.0:
        return one.tobytes() == other.tobytes() or bool(
            np.array_equal(one, other, equal_nan=True)
        )
    return bool(np.allclose(one, other, rtol=0.0, atol=tolerance, equal_nan=True))


def _first(
    one: Array | None, other: Array | None, assets: tuple[str, ...], tolerance: float
) -> tuple[str, str, str]:
    if one is None or other is None or one.shape != other.shape:
        return "the answer", repr(one), repr(other)
    apart = [
        i
        for i in range(len(one))
        if not _same(one[i : i + 1], other[i : i + 1], tolerance)
    ]
    where = apart[0] if apart else 0
    return assets[where], f"{one[where]:.12g}", f"{other[where]:.12g}"
