"""The same Gram matrix and the same Cholesky solve on every run: no rounding that depends on memory
or threads.

BLAS may add in another order when an array lies elsewhere in memory or another number of threads
works, so its last digits can differ between two processes. Here BLAS only ever multiplies integers
whose sums fit into the 53 bits of a float64: then nothing is rounded, and every order of adding
gives the same bits. This is the error-free splitting of Ozaki, Ogita, Oishi and Rump, "Error-free
transformations of matrix multiplication by using fast routines of matrix multiplication", Numerical
Algorithms 59 (2012). The Cholesky factor is made of elementwise operations and of einsum without
BLAS, whose order is fixed.
"""

from __future__ import annotations

import numpy as np
from numpy.linalg import LinAlgError

from bt_run import Array

__all__ = ["gram_matrix", "solve_positive_definite"]

_MANTISSA = 53  # bits of a float64
_BLOCK = 32  # rows eliminated at a time, so that a block stays in the cache
_STRIP = 128


def gram_matrix(X: Array) -> Array:
    """Return X'X, (n, n), of the columns of X (T, n), each rounded to some 40 bits of its largest
    entry.

    X_ti = u_i (h_ti + 2^-k l_ti) with integers |h| <= 2^k and |l| <= 2^(k-1). Sums of T products of
    h + l fit into 53 bits when 2 (k + 1) + log2(T) <= 53, so H'H, L'L and H'L + L'H = (H + L)'(H +
    L) - H'H - L'L are exact.
    """
    of_sums = int(np.ceil(np.log2(max(len(X), 2))))
    k = (_MANTISSA - of_sums) // 2 - 1
    largest = np.maximum(X.max(axis=0), -X.min(axis=0))
    _, exponents = np.frexp(largest)
    units = np.ldexp(1.0, exponents - k)
    # by powers of two, so exact; all in place, for fresh memory costs more than the sums
    L = X * (1.0 / units)
    H = np.rint(L)
    L -= H
    L *= 2.0**k
    np.rint(L, out=L)
    HH = H.T @ H
    LL = L.T @ L
    H += L
    G = H.T @ H
    G -= HH
    G -= LL
    G *= 2.0**-k
    LL *= 4.0**-k
    G += LL
    G += HH
    G *= units[:, None]
    G *= units
    return np.asarray(G)


def solve_positive_definite(A: Array, B: Array) -> Array:
    """Solve A X = B for a symmetric positive definite A (n, n) and B (n, m) by Cholesky's A = U'U.

    Raises:
        LinAlgError: A is not positive definite to working precision.
    """
    n = len(A)
    W = np.hstack([A, B])
    _eliminate(W, n)
    U = np.ascontiguousarray(W[:, :n].T)
    X = W[:, n:].copy()
    for j in range(n - 1, -1, -1):
        X[j] /= U[j, j]
        X[:j] -= U[j, :j, None] * X[j]
    return X


def _eliminate(W: Array, n: int) -> None:
    """Turn [A | B] into [U | U'^-1 B] in place, a block of rows at a time."""
    for top in range(0, n, _BLOCK):
        end = min(top + _BLOCK, n)
        _eliminate_block(W, top, end)
        for left in range(end, n, _STRIP):
            right = min(left + _STRIP, n)
            strip = W[top:end, left:right]
            rest = W[top:end, left:]
            W[left:right, left:] -= np.einsum("ki,kj->ij", strip, rest)


def _eliminate_block(
    W: Array,
    top: int,
    end: int,
) -> None:
    for j in range(top, end):
        pivot = W[j, j]
        if not pivot > 0.0:  # NaN is not positive either
            raise LinAlgError(
                f"the matrix is not positive definite: pivot {j} is {pivot}"
            )
        row = W[j]
        row[j:] /= np.sqrt(pivot)
        W[j + 1 : end, j + 1 :] -= row[j + 1 : end, None] * row[j + 1 :]
