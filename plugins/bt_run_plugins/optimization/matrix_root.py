"""The square root of a covariance matrix that may be singular, with the same bits on every run."""

from __future__ import annotations

import numpy as np

from bt_run import Array

__all__ = ["square_root"]

_ZERO = 1e-14  # of the largest variance: what rounding leaves of a column that others make up


def square_root(S: Array) -> Array:
    """Return F (r, n) with F'F = S for a positive semidefinite S (n, n) of rank r, by Cholesky with
    pivoting: of equal columns the second adds nothing.

    Sums are made by einsum, whose order is fixed. See Higham, Accuracy and Stability of Numerical
    Algorithms, section 10.3.
    """
    n = len(S)
    left = np.diag(S).copy()
    smallest = _ZERO * float(left.max(initial=0.0))
    F = np.zeros((n, n))
    for row in range(n):
        pivot = int(np.argmax(left))
        if not left[pivot] > smallest:
            return F[:row]
        made = np.einsum("ki,k->i", F[:row], F[:row, pivot])
        F[row] = (S[pivot] - made) / np.sqrt(left[pivot])
        F[row, left == 0.0] = 0.0  # a name that was a pivot already has nothing left
        left = np.maximum(left - F[row] ** 2, 0.0)
        left[pivot] = 0.0
    return F
