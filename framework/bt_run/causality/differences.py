"""Find where two passes through the same past part: signals, decisions, orders, fills."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bt_run.account.records import DATA_END, FillRecord
from bt_run.arrays import Array
from bt_run.decision.pipeline import Pipeline
from bt_run.decision.state import Decision

__all__ = [
    "Difference",
    "Noise",
    "compare_arrays",
    "compare_decisions",
    "compare_fills",
    "compare_orders",
]

_Rows = Mapping[
    tuple[int, int, int], tuple[float, ...]
]  # (bar, decided, asset) -> asked, filled, price, commission
TOLERANCE = 1e-9  # of the larger of 1 and the largest value; below it lies the rounding of filters


@dataclass(frozen=True)
class Difference:
    """Say where a quantity of a component first differed: a bar, an asset, what it was, what it
    became.
    """

    component: str
    quantity: str
    bar: int
    asset: str
    was: str
    became: str
    size: float


@dataclass
class Noise:
    """Collect how large the differences were that count as rounding."""

    largest: float = 0.0
    rows: int = 0


def compare_arrays(one: Array, other: Array, noise: Noise) -> tuple[int, int, float] | None:
    """Return the first (row, column, size) at which two arrays (n, N) differ, or None."""
    noise.rows += len(one)
    known, also = np.isfinite(one), np.isfinite(other)
    gap = np.abs(np.where(known & also, one - other, 0.0))
    scale = max(1.0, float(np.abs(one[known]).max(initial=0.0)))
    bad = (known != also) | (gap > TOLERANCE * scale)
    if not bad.any():
        noise.largest = max(noise.largest, float(gap.max(initial=0.0)))
        return None
    row, column = (int(i) for i in np.argwhere(bad)[0])
    size = float(gap[bad & known & also].max(initial=0.0))
    return row, column, size if size > 0.0 else float("inf")


def compare_decisions(
    pipeline: Pipeline,
    assets: Sequence[str],
    one: Sequence[Decision],
    other: Sequence[Decision],
    noise: Noise,
) -> Difference | None:
    """Return the first difference between decisions on the same bars, in the order in which
    components act.
    """
    if len(one) == len(other) and _equal(one, other):
        noise.rows += len(one)
        return None
    for first, second in zip(one, other, strict=False):
        if first.bar != second.bar:
            return Difference(
                "schedule", "decision", min(first.bar, second.bar), "", "", "", float("inf")
            )
        for component, quantity, mine, yours in _quantities(pipeline, first, second):
            if isinstance(mine, np.ndarray):
                found = compare_arrays(mine[None, :], yours[None, :], noise)
                if found:
                    _, column, size = found
                    was, became = (f"{array[column]:.6g}" for array in (mine, yours))
                    return Difference(
                        component, quantity, first.bar, assets[column], was, became, size
                    )
            elif not _same(mine, yours):
                return Difference(
                    component, quantity, first.bar, "", _short(mine), _short(yours), float("inf")
                )
    return None


def compare_fills(
    assets: Sequence[str],
    one: Sequence[FillRecord],
    other: Sequence[FillRecord],
    until: int,
    noise: Noise,
) -> Difference | None:
    """Return the first difference between the fills up to bar ``until``."""
    if _columns(one, until) == _columns(other, until):
        noise.rows += len(one)
        return None
    mine, yours = (
        {key: values for record in records if record.bar <= until for key, values in _rows(record)}
        for records in (one, other)
    )
    return _compare_rows(assets, mine, yours, noise)


def _equal(one: Sequence[Decision], other: Sequence[Decision]) -> bool:
    """Tell whether decisions are the same to the byte, which is quick to see and nearly always so."""
    return all(
        a.bar == b.bar
        and a.fired == b.fired
        and a.memos == b.memos
        and a.notes == b.notes
        and a.signal.tobytes() == b.signal.tobytes()
        and a.target.tobytes() == b.target.tobytes()
        and a.traded.tobytes() == b.traded.tobytes()
        and all(x.tobytes() == y.tobytes() for x, y in zip(a.stages, b.stages, strict=True))
        for a, b in zip(one, other, strict=True)
    )


def _columns(records: Sequence[FillRecord], until: int) -> list[Any]:
    """Return the fills up to a bar as bytes."""
    kept = [
        record
        for record in records
        if record.bar <= until and not (record.reason == DATA_END).any()
    ]
    return [
        (
            r.bar,
            np.asarray(r.decided).tobytes(),
            *(v.tobytes() for v in (r.assets, r.asked, r.filled, r.price, r.commission)),
        )
        for r in kept
    ]


def compare_orders(
    assets: Sequence[str],
    one: Sequence[FillRecord],
    other: Sequence[FillRecord],
    decided: int,
    noise: Noise,
) -> Difference | None:
    """Return the first difference between the shares asked for at bar ``decided``, filled at the
    next.
    """
    mine, yours = (
        {
            key: values[:1]
            for record in records
            if record.bar == decided + 1
            for key, values in _rows(record)
            if key[1] == decided
        }
        for records in (one, other)
    )
    return _compare_rows(assets, mine, yours, noise)


def _compare_rows(
    assets: Sequence[str], mine: _Rows, yours: _Rows, noise: Noise
) -> Difference | None:
    for key in sorted(mine.keys() | yours.keys()):
        bar, _, column = key
        names = ("asked", "filled", "price", "commission")
        if key not in mine or key not in yours:
            was, became = (
                "no order" if key not in side else f"{side[key][0]:.6g} shares"
                for side in (mine, yours)
            )
            return Difference("broker", "orders", bar, assets[column], was, became, float("inf"))
        for name, a, b in zip(names, mine[key], yours[key], strict=False):
            if compare_arrays(np.array([[a]]), np.array([[b]]), noise):
                return Difference(
                    "broker", name, bar, assets[column], f"{a:.6g}", f"{b:.6g}", abs(a - b)
                )
    return None


def _rows(record: FillRecord) -> Iterator[tuple[tuple[int, int, int], tuple[float, ...]]]:
    decided = np.broadcast_to(record.decided, len(record.assets))
    for i, column in enumerate(record.assets):
        if record.reason[i] == DATA_END:
            continue  # an order that found no bar because the data end here
        values = (record.asked[i], record.filled[i], record.price[i], record.commission[i])
        yield (record.bar, int(decided[i]), int(column)), tuple(float(value) for value in values)


def _quantities(
    pipeline: Pipeline, one: Decision, other: Decision
) -> Iterator[tuple[str, str, Any, Any]]:
    """Yield component, quantity and both values, in the order in which the components act."""
    strategy = pipeline.strategy
    yield f"{strategy.path} {strategy.name}", "signal", one.signal, other.signal
    for place, stage in enumerate(pipeline.weighing):
        yield f"{stage.path} {stage.name}", "weights", one.stages[place], other.stages[place]
    for stage in pipeline.triggers:
        name = f"{stage.path} {stage.name}"
        yield name, "memo", one.memos.get(stage.path), other.memos.get(stage.path)
    triggers = ", ".join(f"{stage.path} {stage.name}" for stage in pipeline.triggers) or "limits"
    yield (
        triggers,
        "verdict",
        (one.fired, one.traded.tolist()),
        (other.fired, other.traded.tolist()),
    )
    yield "limits", "target", one.target, other.target
    for path in sorted(one.memos.keys() | other.memos.keys()):
        yield path, "memo", one.memos.get(path), other.memos.get(path)
    for path in sorted(one.notes.keys() | other.notes.keys()):
        yield path, "notes", one.notes.get(path), other.notes.get(path)


def _same(one: Any, other: Any) -> bool:
    """Compare JSON-like values; numbers to the tolerance."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(_same(a, b) for a, b in zip(one, other, strict=True))
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) <= TOLERANCE * max(1.0, abs(one)) or (one != one and other != other)
    return bool(one == other)


def _short(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."
