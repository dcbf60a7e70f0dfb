"""What a policy is applied to: names with weights, returns, ratings, sectors and a benchmark, (n,)
each.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from bt_run import Array, ConfigError, DataError
from bt_run.arrays import Mask
from bt_run.text import listed
from bt_run_plugins.optimization.convex import Risk
from bt_run_plugins.optimization.covariance import covariance_root
from bt_run_plugins.optimization.expected_returns import (
    capm_returns,
    historical_returns,
)
from bt_run_plugins.optimization.gram import gram_matrix
from bt_run_plugins.optimization.matrix_root import square_root
from bt_run_plugins.optimization.threads import one_thread
from bt_run_plugins.policy.policy import OptimizationPolicy

__all__ = ["PolicyCase"]

HELD = 1e-12


@dataclass(frozen=True, kw_only=True, eq=False)
class PolicyCase:
    """One portfolio under one policy at one time.

    Attributes:
        names: (n,) sorted.
        weights: (n,) drifted to now, fractions of NAV; the rest is cash.
        returns: (T, n) simple, none missing.
        holdable: (n,) bool, which names may be held at all; others are sold.
        tradable: (n,) bool; a name that is not keeps its weight.
        lower, upper: (n,) further ends of single weights, of restrictions.
        ratings: (n,), NaN where there is none; None where there is no table of ratings.
        sectors: (n,) names, empty where there is none; None where there is no table of sectors.
        benchmark: (n,) weights of the benchmark, or None.
        benchmark_returns: (T,), or None.
        views: (n,) expected yearly returns, NaN where there is none, or None.
        exempt: the turnover limit does not count, because nothing is held yet.
    """

    policy: OptimizationPolicy
    names: tuple[str, ...]
    weights: Array
    returns: Array
    holdable: Mask
    tradable: Mask
    lower: Array | None = None
    upper: Array | None = None
    ratings: Array | None = None
    sectors: tuple[str, ...] | None = None
    benchmark: Array | None = None
    benchmark_returns: Array | None = None
    views: Array | None = None
    exempt: bool = False

    @property
    def n(self) -> int:
        return len(self.names)

    @property
    def zero_risk(self) -> Array:
        """Return f (r,) of the risk of the portfolio alone."""
        return np.zeros(self.root.shape[0])

    @cached_property
    def root(self) -> Any:
        """Return F (r, n) with |F w| the yearly volatility."""
        policy = self.policy
        if len(self.returns) < 2:
            raise DataError(
                f"found {len(self.returns)} sessions of returns of all {self.n} names; a "
                "covariance needs 2 or more"
            )
        with one_thread():
            return covariance_root(
                self.returns,
                policy.covariance,
                policy.annualization_factor,
                policy.halflife,
                policy.factors,
            )

    @cached_property
    def volatility(self) -> Risk:
        """Return the yearly volatility of a portfolio."""
        return Risk(self.root, self.zero_risk)

    @cached_property
    def tracking(self) -> Risk | None:
        """Return the yearly tracking error of a portfolio, None without a benchmark.

        With the benchmark's weights b it is |F (w - b)|, else sqrt(252/T) |R w - r| over the
        window.
        """
        if self.benchmark is not None:
            return Risk(self.root, np.asarray(self.root @ self.benchmark))
        if self.benchmark_returns is None:
            return None
        return _over_the_window(
            self.returns, self.benchmark_returns, self.policy.annualization_factor
        )

    @cached_property
    def free(self) -> Mask:
        """Return which names a policy decides about, (n,): those that can be traded."""
        return np.asarray(self.tradable)

    @cached_property
    def below_quality(self) -> Mask:
        """Return which names are rated below the policy's quality, (n,)."""
        floor = self.policy.min_quality_score
        if floor is None or self.ratings is None:
            return np.zeros(self.n, dtype=bool)
        with np.errstate(invalid="ignore"):
            return np.asarray(self.ratings < floor)

    @cached_property
    def unrated(self) -> Mask:
        """Return which names have no rating where the policy asks for one, (n,)."""
        if self.policy.min_quality_score is None:
            return np.zeros(self.n, dtype=bool)
        if self.ratings is None:
            return np.ones(self.n, dtype=bool)
        return np.isnan(self.ratings)

    @cached_property
    def eligible(self) -> Mask:
        """Return which names may be held, (n,)."""
        allowed = self.holdable & self.free & ~self.below_quality
        if self.policy.unrated == "exclude":
            allowed &= ~self.unrated
        return np.asarray(allowed)

    @cached_property
    def expected(self) -> Array:
        """Return the expected yearly returns, (n,).

        Raises:
            ConfigError: there is no table of views, or no benchmark for betas.
            DataError: a name has no view.
        """
        policy = self.policy
        if policy.expected_returns == "historical":
            return historical_returns(self.returns, policy.annualization_factor)
        if policy.expected_returns == "views":
            return self._viewed()
        market = self.benchmark_returns
        if market is None and self.benchmark is not None:
            market = np.einsum("ti,i->t", self.returns, self.benchmark)
        if market is None:
            raise ConfigError(
                "expected_returns: capm needs a benchmark, its weights or its returns; found "
                "neither"
            )
        try:
            return capm_returns(
                self.returns, market, policy.risk_free_rate, policy.market_premium
            )
        except ValueError as error:
            raise DataError(str(error)) from error

    def _viewed(self) -> Array:
        if self.views is None:
            raise ConfigError(
                "expected_returns: views needs a table of expected returns; found none"
            )
        lacking = [
            name
            for name, one, asked in zip(
                self.names, self.views, self.eligible, strict=True
            )
            if asked and np.isnan(one)
        ]
        if lacking:
            raise DataError(
                f"views: none of {listed(lacking)}; expected a yearly return of every name that "
                "may be held"
            )
        return np.nan_to_num(self.views, nan=0.0)

    def check(self) -> None:
        """Refuse a case that lacks what its policy limits.

        Raises:
            ConfigError: a table or a benchmark is missing.
            DataError: a name has no rating or no sector, or a sector no names.
        """
        policy = self.policy
        if policy.min_quality_score is not None and policy.unrated == "refuse":
            lacking = self._names(self.unrated & self.holdable & self.tradable)
            if lacking:
                raise DataError(
                    f"ratings: none of {listed(lacking)}, and min_quality_score is "
                    f"{policy.min_quality_score:g}; give one, or set `unrated: exclude` or `allow`"
                )
        if self.tracking is None:
            asking = None
            if policy.max_tracking_error_pct is not None:
                asking = f"max_tracking_error_pct {policy.max_tracking_error_pct:g}"
            elif policy.objective == "min_tracking_error":
                asking = "objective: min_tracking_error"
            if asking is not None:
                raise ConfigError(
                    f"{asking} needs a benchmark: its weights, or its returns; found neither"
                )
        self._check_sectors()

    def _check_sectors(self) -> None:
        policy = self.policy
        if (
            policy.max_sector_pct is None
            and not policy.sector_caps
            and not policy.sector_floors
        ):
            return
        if self.sectors is None:
            raise ConfigError(
                "the policy limits sectors, and there is no table of sectors; give one, or leave "
                "out max_sector_pct, sector_caps and sector_floors"
            )
        lacking = [
            name
            for name, sector, asked in zip(
                self.names, self.sectors, self.holdable, strict=True
            )
            if asked and not sector
        ]
        if lacking:
            raise DataError(
                f"sectors: none of {listed(lacking)}; expected one of every name that may be held"
            )
        known = sorted({sector for sector in self.sectors if sector})
        for key in ("sector_caps", "sector_floors"):
            for sector in getattr(policy, key):
                if sector not in known:
                    raise DataError(
                        f"{key}.{sector}: no name is in this sector; found "
                        f"{', '.join(known) or 'none'}"
                    )

    def _names(self, which: Mask) -> list[str]:
        return [name for name, yes in zip(self.names, which, strict=True) if yes]


def _over_the_window(returns: Array, benchmark: Array, per_year: float) -> Risk:
    """Return sqrt(per_year/T) |R w - r| by the root of the Gram matrix of (R, r)."""
    from scipy import sparse

    both = np.column_stack([returns, benchmark])
    with one_thread():
        whole = square_root(gram_matrix(both) * (per_year / len(both)))
    return Risk(sparse.csc_matrix(whole[:, :-1]), whole[:, -1])
