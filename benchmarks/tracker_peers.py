"""Solve the months of ``tracker.py`` with one peer, in the peers' own environment: no import of
bt-run here.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

Solve = Callable[[Any, Any], Any]


def skfolio(cap: float) -> Solve:
    """Minimize the deviation of the differences: their mean is taken off, so the objective is
    another one.
    """
    from skfolio.optimization import BenchmarkTracker

    def solve(R: Any, b: Any) -> Any:
        return BenchmarkTracker(min_weights=0.0, max_weights=cap).fit(R, b).weights_

    return solve


def cvxportfolio(cap: float) -> Solve:
    """Minimize risk relative to a benchmark that is an asset itself, and may not be held."""
    import cvxportfolio as cvx
    import pandas as pd

    def solve(R: Any, b: Any) -> Any:
        n = R.shape[1]
        names = [f"S{i}" for i in range(n)]
        days = pd.date_range("2000-01-03", periods=len(b) + 2, freq="D", tz="UTC")
        table = pd.DataFrame(
            np.column_stack([R, b, np.zeros(len(b))]), columns=[*names, "INDEX", "USD"]
        )
        table.index = days[: len(b)]
        later = pd.DataFrame(0.0, index=days[len(b) :], columns=table.columns)
        market = cvx.UserProvidedMarketData(
            returns=pd.concat([table, later]),
            cash_key="USD",
            min_history=pd.Timedelta("0d"),
            trading_frequency=None,
        )
        most = pd.Series(cap, index=[*names, "INDEX"])
        most["INDEX"] = 0.0
        target = pd.Series(0.0, index=[*names, "INDEX", "USD"])
        target["INDEX"] = 1.0
        second_moment = cvx.forecast.HistoricalFactorizedCovariance(kelly=True)
        policy = cvx.SinglePeriodOptimization(
            -1.0 * cvx.FullCovariance(second_moment),
            [cvx.LongOnly(), cvx.MaxWeights(most), cvx.NoCash()],
            benchmark=target,
            include_cash_return=False,
            solver="CLARABEL",
        )
        held = pd.Series(0.0, index=[*names, "INDEX", "USD"])
        held["USD"] = 1e6
        trades, *_ = policy.execute(h=held, market_data=market, t=days[len(b)])
        return ((held + trades) / 1e6)[names].to_numpy()

    return solve


def riskfolio(cap: float) -> Solve:
    """It bounds the tracking error but does not minimize it."""
    raise SystemExit(
        "it bounds the tracking error of another objective, and cannot minimize it"
    )


def quadratic(solver: str) -> Callable[[float], Solve]:
    """Return a bare solver of quadratic programs on the Gram matrix, at its own accuracy."""

    def build(cap: float) -> Solve:
        from qpsolvers import solve_qp

        def solve(R: Any, b: Any) -> Any:
            n = R.shape[1]
            X = R - b[:, None]
            P = X.T @ X
            # scaled, or absolute tolerances would be met by any weights
            P *= n / np.trace(P)
            return solve_qp(
                P,
                np.zeros(n),
                A=np.ones((1, n)),
                b=np.ones(1),
                lb=np.zeros(n),
                ub=np.full(n, cap),
                solver=solver,
            )

        return solve

    return build


PEERS = {
    "skfolio": skfolio,
    "cvxportfolio": cvxportfolio,
    "riskfolio": riskfolio,
    "daqp": quadratic("daqp"),
    "piqp": quadratic("piqp"),
}


def main() -> None:
    name, shape, given, answer = sys.argv[1:5]
    asked = json.loads(shape)
    warnings.simplefilter("ignore")
    data = np.load(given)
    solve = PEERS[name](asked["cap"])
    seconds, weights = [], []
    for month in range(asked["months"]):
        rows = slice(month * asked["step"], month * asked["step"] + asked["T"])
        R, b = data["returns"][rows], data["benchmark"][rows]
        begun = time.perf_counter()
        weights.append(solve(R, b))
        seconds.append(time.perf_counter() - begun)
    np.savez(answer, seconds=np.array(seconds), weights=np.array(weights))


if __name__ == "__main__":
    main()
