"""Cases of strategies: vectorised, event by event, and Backtrader's own."""

from __future__ import annotations

import numpy as np

from bt_run.data.slices import until
from bt_run.decision.state import PortfolioState
from bt_run.testing.conformance.answers import all_answers, is_classic, is_vectorised
from bt_run.testing.conformance.cases import (
    Bench,
    Broken,
    Case,
    NotApplicable,
    differing,
)
from bt_run.testing.conformance.cases_stage import stage_cases
from bt_run.testing.conformance.markets import market
from bt_run.testing.conformance.plays import Play, play_classic, play_on, play_rows

__all__ = ["CASES", "children_case"]

GIVES = ("exposure", "score")
CUTS = (60, 100, 180, 298)


def _gives(bench: Bench) -> str:
    return str(getattr(bench.subject.build().thing, "gives", "exposure"))


def _bounds(bench: Bench) -> None:
    if is_classic(bench):
        raise NotApplicable("a Backtrader strategy places orders and gives no signals")
    gives = _gives(bench)
    if gives not in GIVES:
        raise Broken(f"gives = {gives!r}", "'exposure' or 'score'")
    most = 1.0 + 1e-9 if gives == "exposure" else np.finfo(np.float64).max
    for name, answer in all_answers(bench):
        values = answer.values if answer.values is not None else np.zeros(0)
        beyond = np.abs(values) > most  # NaN is not eligible, and right
        if beyond.any():
            asset = market(name).assets[int(np.flatnonzero(beyond)[0])]
            right = (
                "-1 to 1, or gives = 'score'"
                if gives == "exposure"
                else "finite scores, or NaN"
            )
            raise Broken(
                f"{values[beyond][0]} for {asset} on the {name} market at bar {answer.bar}",
                right,
            )


def _rows_stand_alone(bench: Bench) -> None:
    if not is_vectorised(bench):
        raise NotApplicable("gives its signals event by event")
    bars, whole = bench.market("calm"), bench.play("calm")
    signals = bench.subject.build().thing.signals
    for cut in CUTS:
        rows = play_rows(signals, until(bars, cut))
        if rows.error is not None or (
            text := differing(Play(bars, whole.until(cut)), rows, cut, 1e-9)
        ):
            found = (
                f"row {cut} of signals(bars) is not the last row of the bars up to {cut}: "
                f"{rows.error or text}"
            )
            raise Broken(found, "each row from the rows up to it, whatever follows")


def _runonce(bench: Bench) -> None:
    if not is_classic(bench):
        raise NotApplicable("no Backtrader strategy")
    strategy, bars = bench.subject.build().thing, bench.market("calm")
    once, stepped = (
        play_classic(strategy, bars, runonce=flag) for flag in (True, False)
    )
    if stepped.error is not None or (text := differing(once, stepped, len(bars), 1e-6)):
        raise Broken(
            f"with runonce=False, {stepped.error or text}",
            "the same orders bar by bar; an indicator's once() and next() must agree",
        )


def children_case(number: str, given: tuple[str, ...]) -> Case:
    """Return the case of components that hold others."""
    return Case(
        number,
        "children_get_their_own_state",
        "a nested component that is called with its parent's state finds its parent's memo, and "
        "loses its own",
        _children,
        given,
    )


def _children(bench: Bench) -> None:
    if not bench.subject.bind().children:
        raise NotApplicable("holds no other components")
    seen: list[PortfolioState] = []
    play = play_on(bench.subject, bench.market("calm"), seen.append)
    if not seen:
        raise NotApplicable("never called what it holds on the calm market")
    parents = {id(answer.state) for answer in play.answers}
    if any(id(state) in parents for state in seen):
        raise Broken(
            "a nested component was called with its parent's state",
            "child(state.child('FIELD'))",
        )


CASES = (
    *stage_cases("S"),
    Case(
        "S20",
        "exposures_in_bounds",
        "an exposure beyond -1 to 1 is leverage that no limit was asked about; a sizer reads "
        "scores otherwise",
        _bounds,
        ("S08",),
    ),
    Case(
        "S21",
        "rows_stand_alone",
        "live trading has the rows up to now and no more, and must come to the same signals",
        _rows_stand_alone,
        ("S09", "S10", "S18"),
    ),
    children_case("S22", ("S08",)),
    Case(
        "S23",
        "runonce_equals_next",
        "Backtrader computes indicators at once in a test and bar by bar live",
        _runonce,
        ("S08",),
    ),
)
