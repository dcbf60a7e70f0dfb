"""Is the timing of a path of multipliers better than the same path at other times?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bt_run.arrays import Array
from bt_run.errors import DataError
from bt_run.studies.numbers import require_numbers, sharpes_of

__all__ = ["Timing", "rotation_test"]


@dataclass(frozen=True)
class Timing:
    """A path of multipliers and what it multiplied.

    Attributes:
        multiplier: (T,), held while the return of the same row was earned.
        returns: (T,), of what is held at multiplier 1, less the risk-free rate.
    """

    multiplier: Array
    returns: Array


def rotation_test(timing: Timing) -> float:
    """Return the share of all T rotations of the multipliers whose Sharpe ratio is that of the
    actual path or better, which is one of them.

    A rotation keeps the exposure, the turnover and the memory of the path, and takes away when it
    acted: what a long-biased path earns by being long is no skill (Patel 2026). Costs are left out,
    as they are about the same of all. A path that never changes has a share of 1.

    Raises:
        DataError: some numbers are missing, or the two differ in length.
    """
    multiplier, returns = timing.multiplier, timing.returns
    if len(multiplier) != len(returns):
        raise DataError(
            f"found {len(multiplier)} multipliers of {len(returns)} returns; expected one for each"
        )
    require_numbers(multiplier, "multipliers")
    require_numbers(returns, "returns")
    size = float(len(returns))
    mean = _rotated_sums(multiplier, returns) / size
    square = _rotated_sums(multiplier**2, returns**2) / size
    sharpes = sharpes_of(mean, square, size)
    # Fourier transforms round where sums over the rows would not
    as_good = sharpes >= sharpes[0] - 1e-10
    return float(as_good.mean())


def _rotated_sums(first: Array, second: Array) -> Array:
    """Return, for each shift k (T,), the sum over t of first[t - k] second[t]."""
    turned = np.conj(np.fft.rfft(first)) * np.fft.rfft(second)
    sums: Array = np.fft.irfft(turned, n=len(first))
    return sums
