"""What every statistic asks of the numbers that it is given."""

from __future__ import annotations

import numpy as np

from bt_run.arrays import Array
from bt_run.errors import DataError

__all__ = ["FLAT", "require_numbers", "sharpes_of"]

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


def sharpes_of(mean: Array, square: Array, size: Array | float) -> Array:
    """Return Sharpe ratios per period (r, N) from the ``mean`` of returns and of their ``square``,
    (r, N), over ``size`` returns, (r, 1) or one number; 0 where returns do not vary.
    """
    variance = square - mean**2
    # of a constant series rounding leaves about 1e-16 of its squares
    varies = variance > np.maximum(FLAT * square, FLAT**2)
    deviation = np.sqrt(np.where(varies, variance, 1.0) * size / (size - 1.0))
    return np.where(varies, mean / deviation, 0.0)
