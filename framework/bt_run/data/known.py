"""Values of a table, each with the bar from which on it was known."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["Table"]


@dataclass(frozen=True)
class Table:
    """Values by the time from which they were known.

    Attributes:
        values: (K + 1, N) of a table, (K + 1,) of a series; float64, or text (None = unknown). Row
            0 is unknown.
        rows: (T,) the row of ``values`` known at each bar.
        revised: later revisions are in it.
    """

    values: NDArray[Any]
    rows: NDArray[np.int64]
    revised: bool = False

    def __post_init__(self) -> None:
        for array in (self.values, self.rows):
            array.flags.writeable = False

    def __reduce__(self) -> tuple[Any, ...]:
        return Table, (self.values, self.rows, self.revised)

    @property
    def is_series(self) -> bool:
        return self.values.ndim == 1

    @property
    def kind(self) -> Literal["number", "text", "series"]:
        """Return what it holds: a number or a text for each asset, or one number for all."""
        if self.is_series:
            return "series"
        return "text" if self.values.dtype == object else "number"

    @cached_property
    def by_bar(self) -> NDArray[Any]:
        """Return what was known at each bar, (T, N), or (T,) of a series."""
        values = self.values[self.rows]
        values.flags.writeable = False
        return values

    @cached_property
    def fingerprint(self) -> str:
        """Return the sha256 of the content."""
        digest = hashlib.sha256(repr((self.values.shape, self.revised)).encode())
        if self.values.dtype == object:
            digest.update(repr(self.values.tolist()).encode())
        else:
            digest.update(np.ascontiguousarray(self.values).tobytes())
        digest.update(self.rows.tobytes())
        return digest.hexdigest()
