"""Cases of exits: prices at which holdings are closed."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np

from bt_run.arrays import Array
from bt_run.terms import Holdings
from bt_run.testing.conformance.cases import Bench, Broken, Case, NotApplicable, told
from bt_run.testing.conformance.cases_offer import offer_cases
from bt_run.testing.conformance.samples import made_holdings

__all__ = ["CASES"]


def _levels(bench: Bench, holdings: Holdings) -> tuple[Array, Array]:
    """Ask a fresh object.

    Raises:
        Broken: it answered anything but two arrays (n,).
    """
    count = len(holdings.side)
    right = f"(stop, target), numbers of shape ({count},) each, NaN for none"
    try:
        answer = bench.subject.build().thing.levels(holdings)
    except Exception as error:
        raise Broken(told(error), right) from error
    if not isinstance(answer, tuple) or len(answer) != 2:
        raise Broken(f"{answer!r}", right)
    for item in answer:
        if np.shape(item) != (count,) or np.asarray(item).dtype.kind not in "fi":
            raise Broken(
                f"an answer of shape {np.shape(item)} and type {np.asarray(item).dtype}",
                right,
            )
    return np.asarray(answer[0], dtype=np.float64), np.asarray(
        answer[1], dtype=np.float64
    )


def _answers(bench: Bench) -> None:
    stop, target = _levels(bench, made_holdings())
    if np.isnan(stop).all() and np.isnan(target).all():
        raise NotApplicable(
            "gave no level for any of the made holdings; give other keys by `example`"
        )


def _unheld(bench: Bench) -> None:
    for item in _levels(bench, made_holdings()):
        if np.isfinite(item[2]):
            raise Broken(f"a level of {item[2]} for an asset that is not held", "NaN")


def _no_infinity(bench: Bench) -> None:
    for scale in (1e-8, 1.0, 1e8):
        if any(np.isinf(item).any() for item in _levels(bench, made_holdings(scale))):
            raise Broken(
                f"an infinite level, for prices around {40 * scale:g}",
                "a price, or NaN for none",
            )


def _stop_below_target(bench: Bench) -> None:
    holdings = made_holdings()
    stop, target = _levels(bench, holdings)
    wrong = holdings.side * (target - stop) <= 0
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        found = f"stop {stop[at]:g} and target {target[at]:g} for a side of {holdings.side[at]:g}"
        raise Broken(
            found, "the target above the stop for a long, below it for a short"
        )


def _permuted(bench: Bench) -> None:
    holdings = made_holdings()
    turned = Holdings(
        *(getattr(holdings, item.name)[::-1] for item in fields(holdings))
    )
    for one, other in zip(
        _levels(bench, holdings), _levels(bench, turned), strict=True
    ):
        if not np.allclose(one, other[::-1], rtol=1e-9, atol=0.0, equal_nan=True):
            raise Broken(
                f"{one} became {other[::-1]} when the assets were turned round",
                "the same levels, reversed",
            )


def _one_asset(bench: Bench) -> None:
    whole = _levels(bench, made_holdings())
    alone = Holdings(
        *(getattr(made_holdings(), item.name)[:1] for item in fields(Holdings))
    )
    for one, other in zip(whole, _levels(bench, alone), strict=True):
        if not np.allclose(one[:1], other, rtol=1e-9, atol=0.0, equal_nan=True):
            raise Broken(
                f"a level of {one[0]} became {other[0]} without the other holdings",
                "the same level",
            )


def _inputs(bench: Bench) -> None:
    holdings = made_holdings()
    for item in fields(holdings):
        getattr(holdings, item.name).flags.writeable = False
    _levels(bench, holdings)


def _no_hidden_state(bench: Bench) -> None:
    thing: Any = bench.subject.build().thing
    first = thing.levels(made_holdings())
    thing.levels(replace(made_holdings(3.0), bars=np.full(5, 9.0)))
    for one, other in zip(first, thing.levels(made_holdings()), strict=True):
        if not np.array_equal(one, other, equal_nan=True):
            raise Broken(
                f"{one} became {other} after another call",
                "the same levels for the same holdings",
            )


CASES = (
    *offer_cases("X"),
    Case(
        "X08",
        "answers",
        "the account compares the prices of every bar with both levels",
        _answers,
        ("X01",),
    ),
    Case(
        "X09",
        "nothing_held_no_level",
        "an exit must not close what is not there",
        _unheld,
        ("X08",),
    ),
    Case(
        "X10",
        "levels_are_prices",
        "an infinite level is never met, or always",
        _no_infinity,
        ("X08",),
    ),
    Case(
        "X11",
        "stop_before_target",
        "levels the wrong way round close on the first bar",
        _stop_below_target,
        ("X08",),
    ),
    Case(
        "X12",
        "order_of_assets",
        "a name must not decide where a holding is closed",
        _permuted,
        ("X14",),
    ),
    Case(
        "X13", "one_asset", "a run with one asset is a common one", _one_asset, ("X08",)
    ),
    Case(
        "X14",
        "leaves_its_inputs_alone",
        "the next exit is shown the same holdings",
        _inputs,
        ("X08",),
    ),
    Case(
        "X15",
        "no_hidden_state",
        "exits have no memo: all they know is in the holdings",
        _no_hidden_state,
        ("X08",),
    ),
)
