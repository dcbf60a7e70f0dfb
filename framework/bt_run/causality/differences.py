"""Where two passes through the same past part: signals, decisions, orders, fills."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
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

TOLERANCE = (
    1e-9  # of the larger of 1 and the largest value; below lies the rounding of filters
)
LONGEST = 60  # characters of a value that is shown
COLUMNS = ("asked", "filled", "price", "commission")
INFINITE = float("inf")

_Key = tuple[int, int, int]  # bar, decided, asset
_Rows = Mapping[_Key, tuple[float, ...]]  # the columns above


@dataclass(frozen=True)
class Difference:
    """Where a quantity of a component first differed: a bar, an asset, what it was and became."""

    component: str
    quantity: str
    bar: int
    asset: str
    was: str
    became: str
    size: float


@dataclass
class Noise:
    """How large the differences were that count as rounding, and how many rows were compared."""

    largest: float = 0.0
    rows: int = 0


def compare_arrays(
    one: Array, other: Array, noise: Noise
) -> tuple[int, int, float] | None:
    """Return the first (row, column, size) at which two arrays (n, N) differ, or None."""
    noise.rows += len(one)
    known, also = np.isfinite(one), np.isfinite(other)
    both = known & also
    gap = np.abs(np.where(both, one - other, 0.0))
    scale = max(1.0, float(np.abs(one[known]).max(initial=0.0)))
    bad = (known != also) | (gap > TOLERANCE * scale)
    if not bad.any():
        noise.largest = max(noise.largest, float(gap.max(initial=0.0)))
        return None
    row, column = np.argwhere(bad)[0].tolist()
    size = float(gap[bad & both].max(initial=0.0))
    return row, column, size if size > 0.0 else INFINITE


def compare_decisions(
    pipeline: Pipeline,
    assets: Sequence[str],
    one: Sequence[Decision],
    other: Sequence[Decision],
    noise: Noise,
) -> Difference | None:
    """Return the first difference between decisions on the same bars.

    First is what differs earliest, in the order in which components act.
    """
    if len(one) == len(other) and _equal(one, other):
        noise.rows += len(one)
        return None
    for first, second in zip(one, other, strict=False):
        if first.bar != second.bar:
            earlier = min(first.bar, second.bar)
            return Difference("schedule", "decision", earlier, "", "", "", INFINITE)
        for quantity in _quantities(pipeline, first, second):
            found = quantity.difference(first.bar, assets, noise)
            if found is not None:
                return found
    return None


def compare_fills(
    assets: Sequence[str],
    one: Sequence[FillRecord],
    other: Sequence[FillRecord],
    until: int,
    noise: Noise,
) -> Difference | None:
    """Return the first difference between the fills up to bar ``until``."""
    if _as_bytes(one, until) == _as_bytes(other, until):
        noise.rows += len(one)
        return None
    before = _rows_where(one, lambda record: record.bar <= until)
    after = _rows_where(other, lambda record: record.bar <= until)
    return _compare_rows(assets, before, after, noise)


def compare_orders(
    assets: Sequence[str],
    one: Sequence[FillRecord],
    other: Sequence[FillRecord],
    decided: int,
    noise: Noise,
) -> Difference | None:
    """Return the first difference between the shares asked for at bar ``decided``.

    They fill at the next bar.
    """
    before = _asked_at(one, decided)
    after = _asked_at(other, decided)
    return _compare_rows(assets, before, after, noise)


# -- decisions -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Quantity:
    """What a component gave in two decisions: an array (N,), or JSON-like values."""

    component: str
    name: str
    one: Any
    other: Any

    def difference(
        self, bar: int, assets: Sequence[str], noise: Noise
    ) -> Difference | None:
        """Return how the two differ, or None."""
        if isinstance(self.one, np.ndarray):
            return self._of_arrays(bar, assets, noise)
        if _same(self.one, self.other):
            return None
        was, became = _short(self.one), _short(self.other)
        return Difference(self.component, self.name, bar, "", was, became, INFINITE)

    def _of_arrays(
        self, bar: int, assets: Sequence[str], noise: Noise
    ) -> Difference | None:
        found = compare_arrays(self.one[None, :], self.other[None, :], noise)
        if found is None:
            return None
        _, column, size = found
        was, became = f"{self.one[column]:.6g}", f"{self.other[column]:.6g}"
        return Difference(
            self.component, self.name, bar, assets[column], was, became, size
        )


def _quantities(
    pipeline: Pipeline, one: Decision, other: Decision
) -> Iterator[_Quantity]:
    """Yield what is compared, in the order in which the components act."""
    strategy = pipeline.strategy
    yield _Quantity(_name(strategy), "signal", one.signal, other.signal)
    for place, stage in enumerate(pipeline.weighing):
        yield _Quantity(_name(stage), "weights", one.stages[place], other.stages[place])
    for stage in pipeline.triggers:
        memos = one.memos.get(stage.path), other.memos.get(stage.path)
        yield _Quantity(_name(stage), "memo", *memos)
    triggers = ", ".join(_name(stage) for stage in pipeline.triggers) or "limits"
    verdict = one.fired, one.traded.tolist()
    other_verdict = other.fired, other.traded.tolist()
    yield _Quantity(triggers, "verdict", verdict, other_verdict)
    yield _Quantity("limits", "target", one.target, other.target)
    yield from _by_path("memo", one.memos, other.memos)
    yield from _by_path("notes", one.notes, other.notes)


def _by_path(
    name: str, one: Mapping[str, Any], other: Mapping[str, Any]
) -> Iterator[_Quantity]:
    for path in sorted(one.keys() | other.keys()):
        yield _Quantity(path, name, one.get(path), other.get(path))


def _name(stage: Any) -> str:
    return f"{stage.path} {stage.name}"


def _equal(one: Sequence[Decision], other: Sequence[Decision]) -> bool:
    """Tell whether decisions are the same to the byte: quick to see, and nearly always so."""
    return all(_as_one(a) == _as_one(b) for a, b in zip(one, other, strict=True))


def _as_one(decision: Decision) -> tuple[Any, ...]:
    return (
        decision.bar,
        decision.fired,
        decision.memos,
        decision.notes,
        decision.signal.tobytes(),
        decision.target.tobytes(),
        decision.traded.tobytes(),
        [weights.tobytes() for weights in decision.stages],
    )


def _same(one: Any, other: Any) -> bool:
    """Compare JSON-like values; numbers to the tolerance."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(
            _same(one[key], other[key]) for key in one
        )
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        pairs = zip(one, other, strict=False)
        return len(one) == len(other) and all(_same(a, b) for a, b in pairs)
    if isinstance(one, float) and isinstance(other, float):
        both_missing = one != one and other != other
        return both_missing or abs(one - other) <= TOLERANCE * max(1.0, abs(one))
    return bool(one == other)


def _short(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


# -- fills -----------------------------------------------------------------------------------------


def _as_bytes(records: Sequence[FillRecord], until: int) -> list[Any]:
    """Return the fills up to a bar as bytes."""
    out = []
    for record in records:
        if record.bar <= until and not (record.reason == DATA_END).any():
            columns = [getattr(record, name).tobytes() for name in COLUMNS]
            decided = np.asarray(record.decided).tobytes()
            out.append((record.bar, decided, record.assets.tobytes(), *columns))
    return out


def _rows_where(
    records: Sequence[FillRecord], keep: Callable[[FillRecord], bool]
) -> dict[_Key, tuple[float, ...]]:
    rows: dict[_Key, tuple[float, ...]] = {}
    for record in records:
        if keep(record):
            rows.update(_rows(record))
    return rows


def _asked_at(
    records: Sequence[FillRecord], decided: int
) -> dict[_Key, tuple[float, ...]]:
    rows = _rows_where(records, lambda record: record.bar == decided + 1)
    return {key: values[:1] for key, values in rows.items() if key[1] == decided}


def _rows(record: FillRecord) -> Iterator[tuple[_Key, tuple[float, ...]]]:
    decided = np.broadcast_to(record.decided, len(record.assets))
    columns = [getattr(record, name) for name in COLUMNS]
    for place, asset in enumerate(record.assets):
        # an order may find no bar only because the data end here
        if record.reason[place] != DATA_END:
            values = tuple(float(column[place]) for column in columns)
            yield (record.bar, int(decided[place]), int(asset)), values


def _compare_rows(
    assets: Sequence[str], one: _Rows, other: _Rows, noise: Noise
) -> Difference | None:
    for key in sorted(one.keys() | other.keys()):
        bar, _, column = key
        asset = assets[column]
        if key not in one or key not in other:
            was, became = _order_text(one, key), _order_text(other, key)
            return Difference("broker", "orders", bar, asset, was, became, INFINITE)
        for name, before, after in zip(COLUMNS, one[key], other[key], strict=False):
            if compare_arrays(np.array([[before]]), np.array([[after]]), noise):
                was, became = f"{before:.6g}", f"{after:.6g}"
                return Difference(
                    "broker", name, bar, asset, was, became, abs(before - after)
                )
    return None


def _order_text(rows: _Rows, key: _Key) -> str:
    return f"{rows[key][0]:.6g} shares" if key in rows else "no order"
