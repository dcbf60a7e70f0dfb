"""The peers of benchmarks/policy.py, run by it in an environment of their own.

python benchmarks/policy_peers.py WAY REPEATS DATA.npz OUT.npz
"""

from __future__ import annotations

import statistics
import sys
import time
from types import SimpleNamespace
from typing import Any

import numpy as np


def skfolio(data: Any) -> Any:
    """Solve with skfolio, whose prior is told the same moments."""
    import cvxpy as cp
    from skfolio import RiskMeasure
    from skfolio.moments import BaseCovariance, BaseMu
    from skfolio.optimization import MeanRisk, ObjectiveFunction
    from skfolio.prior import EmpiricalPrior

    class KnownMu(BaseMu):
        def __init__(self) -> None:
            pass

        def fit(self, X: object, y: object = None) -> object:
            self.mu_ = data.mu
            return self

    class KnownCovariance(BaseCovariance):
        def __init__(self) -> None:
            pass

        def fit(self, X: object, y: object = None) -> object:
            self.covariance_ = data.S
            return self

    n = len(data.mu)
    X = data.X
    groups = [[f"s{number % len(data.caps)}" for number in range(n)]]
    own = [f"s{number} <= {cap!r}" for number, cap in enumerate(data.caps.tolist())]

    def limited(w: object) -> object:
        return [cp.norm1(w - data.w0) <= data.turnover]

    model = MeanRisk(
        objective_function=ObjectiveFunction.MAXIMIZE_UTILITY,
        risk_measure=RiskMeasure.VARIANCE,
        risk_aversion=0.5 * data.aversion,
        prior_estimator=EmpiricalPrior(
            mu_estimator=KnownMu(), covariance_estimator=KnownCovariance()
        ),
        min_weights=0.0,
        max_weights=data.cap,
        groups=groups,
        linear_constraints=own,
        max_tracking_error=data.tracking,
        add_constraints=limited if np.isfinite(data.turnover) else None,
    )
    model.fit(X, X @ data.b)
    return np.asarray(model.weights_)


def riskfolio(data: Any) -> Any:
    """Solve with Riskfolio-Lib, told the same moments."""
    import pandas as pd
    import riskfolio as rp

    n = len(data.mu)
    names = [f"n{number}" for number in range(n)]
    returns = pd.DataFrame(data.X, columns=names)
    port = rp.Portfolio(returns=returns)
    port.mu = pd.DataFrame(data.mu[None, :], columns=names)
    port.cov = pd.DataFrame(data.S, index=names, columns=names)
    port.upperlng = data.cap
    port.ainequality, port.binequality = data.M, data.caps[:, None]
    port.kindbench, port.allowTE, port.TE = False, True, data.tracking
    port.benchindex = pd.DataFrame(returns.to_numpy() @ data.b, columns=["index"])
    port.solvers = ["CLARABEL"]
    found = port.optimization(
        model="Classic", rm="MV", obj="Utility", l=0.5 * data.aversion, hist=False
    )
    return found.to_numpy().ravel()


WAYS = {"skfolio": skfolio, "riskfolio-lib": riskfolio}


def main() -> int:
    """Write the median CPU seconds of some solves after a first one, and the weights."""
    way, repeats, given, out = sys.argv[1:]
    with np.load(given) as found:
        data = SimpleNamespace(
            **{
                name: found[name][()] if not found[name].ndim else found[name]
                for name in found
            }
        )
    seconds = []
    for _ in range(int(repeats) + 1):
        began = time.process_time()
        weights = WAYS[way](data)
        seconds.append(time.process_time() - began)
    np.savez(out, seconds=statistics.median(seconds[1:]), weights=weights)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
