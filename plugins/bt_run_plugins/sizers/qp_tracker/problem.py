"""The tracking problem of one decision: relative returns, bounds and limits."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bt_run import SESSIONS, Array
from bt_run.arrays import Mask
from bt_run_plugins.optimization.gram import gram_matrix

__all__ = ["SectorCap", "TrackingProblem", "relative_returns"]


@dataclass(frozen=True)
class SectorCap:
    """A bound on the sum of the weights of some names, ``members`` (n,) bool."""

    name: str
    members: Mask
    cap: float


@dataclass(frozen=True, kw_only=True, eq=False)
class TrackingProblem:
    """The problem whose weights (n,) have returns that stay closest to the benchmark's.

        minimize    (1/T) |X w|^2 / s + ridge |w|^2 + penalty |w - now|_1 / (n s)
        subject to  1'w = 1,  lower <= w <= upper,  sector sums <= caps,  |w - now|_1 + leaving <=
        turnover

    with s the mean of (1/T) |x_i|^2, so that the numbers are near 1 whatever the unit of time. 1'w
    = 1 turns Rw - b into Xw with X = R - b1', so nothing cancels and (1/T) |X w|^2 is the mean
    squared difference itself.

    Attributes:
        X: (T, n) relative returns, no NaN.
        lower, upper: (n,) bounds; equal where a weight is given.
        now: (n,) weights before the trade. ridge: makes the optimum unique.
        penalty: in tracking variance per year for a two-way turnover of 1.
        per_year: n, how many of the window's bars a year holds.
        turnover: largest two-way turnover, or None. leaving: the part of it that other names take
            anyway.
    """

    X: Array
    lower: Array
    upper: Array
    now: Array
    ridge: float = 1e-9
    penalty: float = 0.0
    per_year: float = SESSIONS
    turnover: float | None = None
    leaving: float = 0.0
    sectors: tuple[SectorCap, ...] = field(default=())

    @cached_property
    def _gram(self) -> Array:
        return gram_matrix(self.X) / len(self.X)

    @cached_property
    def scale(self) -> float:
        """Return s; 1 where nothing differs from the benchmark at all."""
        return float(np.trace(self._gram)) / self.n or 1.0

    @cached_property
    def P(self) -> Array:  # noqa: N802
        """Return the matrix (n, n) of the objective 1/2 w'Pw."""
        P = self._gram * (2.0 / self.scale)
        P[np.diag_indices(self.n)] += 2.0 * self.ridge
        return P

    @property
    def n(self) -> int:
        return int(self.X.shape[1])

    @property
    def moves(self) -> Mask:
        """Return which weights are not given, (n,)."""
        moves: Mask = self.lower < self.upper
        return moves

    @property
    def price(self) -> float:
        """Return the penalty on sum |w - now| in the scaled objective."""
        return self.penalty / (self.per_year * self.scale)

    @property
    def room(self) -> float:
        """Return the most that sum |w - now| may be."""
        return np.inf if self.turnover is None else self.turnover - self.leaving

    @property
    def limits_trades(self) -> bool:
        """Tell whether trades are limited or have a price."""
        return self.turnover is not None or self.price > 0.0

    def with_cash(self, cash: float, benchmark: Array) -> TrackingProblem:
        """Return the problem with a last column of cash, whose weight is given and which is in no
        sector.

        ``benchmark`` (T,) are the returns that cash does not earn.
        """
        sectors = []
        for cap in self.sectors:
            members = np.append(cap.members, False)
            sectors.append(replace(cap, members=members))
        X = np.column_stack([self.X, -benchmark])
        lower = np.append(self.lower, cash)
        upper = np.append(self.upper, cash)
        now = np.append(self.now, cash)
        return replace(
            self,
            X=X,
            lower=lower,
            upper=upper,
            now=now,
            sectors=tuple(sectors),
        )

    def moved(self, w: Array) -> float:
        """Return sum |w - now|."""
        return float(np.abs(w - self.now).sum())

    def differences(self, w: Array) -> Array:
        """Return portfolio less benchmark, (T,), by einsum: BLAS may add in another order
        elsewhere.
        """
        return np.asarray(np.einsum("ti,i->t", self.X, w))

    def objective(self, w: Array) -> float:
        """Return the scaled objective from the returns themselves, not from their Gram matrix."""
        variance = float((self.differences(w) ** 2).mean()) / self.scale
        size = float((w**2).sum())
        return variance + self.ridge * size + self.price * self.moved(w)

    def gradient(self, w: Array) -> Array:
        """Return Pw, (n,), from the returns themselves."""
        pulled = np.einsum("ti,t->i", self.X, self.differences(w))
        unit = 2.0 / (len(self.X) * self.scale)
        return np.asarray(pulled * unit + 2.0 * self.ridge * w)

    def tracking_error(self, w: Array) -> float:
        """Return sqrt(n mean(d^2)) over the window, a fraction per year."""
        mean = (self.differences(w) ** 2).mean()
        return float(np.sqrt(self.per_year * mean))

    def rows_kept(self, w: Array, tolerance: float) -> bool:
        """Tell whether the sector caps and the turnover limit hold."""
        for cap in self.sectors:
            held = float(w[cap.members].sum())
            if not held <= cap.cap + tolerance:
                return False
        return self.moved(w) <= self.room + tolerance


def relative_returns(
    closes: Array,
    returns: Array,
    benchmark: Array,
) -> tuple[Array, NDArray[np.int_]]:
    """Return X (T, n) = R - b1' with missing days filled and made up for, and the own returns of
    each name.

    ``closes`` (T + 1, n) show which bars exist, ``returns`` (T, n) and ``benchmark`` (T,) are
    simple. A return across missing bars is compared with the benchmark's over the same days. A name
    with c of T returns gets 0 where it has none and sqrt(T/c) times what it has: its own squared
    difference is the mean over its own days, every Gram matrix stays positive semidefinite, and
    days it did not live through do not make it look close to the benchmark. Days without a return
    of the benchmark are left out.
    """
    known = np.isfinite(benchmark)
    before = _bar_before(closes)
    own = np.isfinite(returns) & (before >= 0) & known[:, None]
    X = np.where(own, returns - benchmark[:, None], 0.0)
    # where the bar before is not that of the row before, the benchmark's way since then counts
    numbers = np.arange(len(returns))[:, None]
    t, i = np.nonzero(own & (before < numbers))
    levels = _levels(np.where(known, benchmark, 0.0))
    since = levels[t + 1] / levels[before[t, i]] - 1.0
    X[t, i] = returns[t, i] - since
    counts = own.sum(axis=0)
    total = int(known.sum())
    scale = np.sqrt(total / np.maximum(counts, 1))
    return X[known] * scale, counts


def _levels(returns: Array) -> Array:
    """Return what 1 became, (T + 1,), of returns (T,)."""
    growth = np.cumprod(1.0 + returns)
    return np.concatenate([[1.0], growth])


def _bar_before(closes: Array) -> NDArray[np.int_]:
    """Return the row of the newest bar before each return, (T, n); -1 where there is none."""
    numbers = np.arange(len(closes))[:, None]
    rows = np.where(np.isfinite(closes), numbers, -1)
    return np.maximum.accumulate(rows, axis=0)[:-1]
