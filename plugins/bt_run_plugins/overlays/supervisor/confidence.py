"""From what a model says to the confidence that is held: the order is fixed.

calibrated and shrunk -> gain -> smooth -> cap -> clip. Smoothing comes before the cap: from 0.90
with a raw 0, an alpha of 0.8 gives 0.72 and a cap of 0.10 then 0.80; the other way round it would
be 0.88.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Path", "next_confidence"]


@dataclass(frozen=True)
class Path:
    """How a confidence moves, per session.

    Attributes:
        alpha: what is kept of the one before.
        max_change: the most that it moves.
        floor: the least that it may be.
    """

    alpha: float
    max_change: float
    floor: float


def next_confidence(
    before: float | None, raw: float, path: Path, sessions: float
) -> float:
    """Return the confidence after ``sessions`` in which the model said ``raw``; the first is
    ``raw`` itself.

    After k sessions alpha^k is kept, and it moves by k times the most.
    """
    if before is None:
        return max(path.floor, min(1.0, raw))
    kept = float(path.alpha**sessions)
    smooth = kept * before + (1.0 - kept) * raw
    most = path.max_change * sessions
    capped = max(before - most, min(before + most, smooth))
    return max(path.floor, min(1.0, capped))
