"""What every statistic asks of the numbers that it is given."""

from __future__ import annotations

import numpy as np

from bt_run.arrays import Array
from bt_run.errors import DataError

__all__ = ["FLAT", "require_numbers"]

FLAT = 1e-12  # what differs by less is equal: it is rounding


def require_numbers(values: Array, what: str) -> None:
    """Refuse ``values``, (T,) or (T, N), of which some are missing; ``what`` names them.

    Raises:
        DataError: some are not finite.
    """
    missing = int((~np.isfinite(values)).sum())
    if missing:
        raise DataError(
            f"{missing} of {values.size} {what} are missing; expected finite numbers"
        )
