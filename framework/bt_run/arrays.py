"""Arrays as the whole house passes them on."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["Array", "Indices", "Mask", "Times", "own_numbers", "read_only"]

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Indices = NDArray[np.intp]
Times = NDArray[np.datetime64]
AnyArray = TypeVar("AnyArray", bound=NDArray[Any])


def own_numbers(answer: Any) -> Array:
    """Return an ``answer``, (N,) or (T, N), as float64, an array of its own, which nobody else can
    change.

    Raises:
        TypeError: it holds something else than numbers.
    """
    values = np.array(answer)
    if values.dtype.kind not in "fiub":
        raise TypeError(
            f"expected numbers, found {type(answer).__name__} of type {values.dtype}"
        )
    own: Array = values.astype(np.float64)
    own.flags.writeable = False
    return own


def read_only(values: AnyArray) -> AnyArray:
    """Return a view of ``values`` through which nobody can change them."""
    view = values.view()
    view.flags.writeable = False
    return view
