"""Arrays as the whole house passes them on."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Array", "own_numbers", "read_only"]


Array = NDArray[np.float64]


def own_numbers(answer: Any) -> Array:
    """Return an answer as an array of its own, which nobody else can change."""
    values = np.array(answer)
    if values.dtype.kind not in "fiub":
        raise TypeError(f"expected numbers, found {type(answer).__name__} of type {values.dtype}")
    own: Array = values.astype(np.float64)
    own.flags.writeable = False
    return own


def read_only(values: Array) -> Array:
    view = values.view()
    view.flags.writeable = False
    return view
