"""Rows inside a lesson: to train on and to validate on, with a gap between.

The gap is horizon + lag + embargo rows, so that no label of a training row looks at a bar of the
block; it follows from the labels and cannot be set lower.
"""

from __future__ import annotations

from dataclasses import dataclass

from bt_run.studies.folds import Window

__all__ = ["Purge", "validation_windows"]


@dataclass(frozen=True)
class Purge:
    """How far rows must be apart, in bars."""

    horizon: int
    lag: int
    embargo: int

    @property
    def gap(self) -> int:
        """Return how many rows are left out before a block."""
        return self.horizon + self.lag + self.embargo

    def last_train_row(self, block: int) -> int:
        """Return the last row to train on before a block that begins at row ``block``; below 0
        where there is none.
        """
        return block - self.gap - 1

    def label_end(self, row: int) -> int:
        """Return the last bar that the label of a ``row`` looks at."""
        return row + self.lag + self.horizon


def validation_windows(count: int, purge: Purge, folds: int) -> list[Window]:
    """Return growing training windows, each with the block of validation rows after its gap; the
    ``folds`` blocks tile the later half of ``count`` rows. None where there is no room.

    The rows are those of scikit-learn's ``TimeSeriesSplit(folds, test_size=..., gap=...)``.
    """
    test = count // 2 // folds
    starts = [count - test * (folds - place) for place in range(folds)]
    if test < 1 or purge.last_train_row(starts[0]) < 0:
        return []
    return [
        Window(
            slice(0, purge.last_train_row(start) + 1),
            slice(start, start + test),
        )
        for start in starts
    ]
