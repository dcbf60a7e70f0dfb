"""Time mean-variance portfolios under a policy's limits, beside cvxpy and peers on the same data.

Run by ``make bench``; with numbers, only those sizes. P1 has a cap, sector caps and a limit on the
tracking error, P2 also one on total turnover. Peers live in an environment of their own
(``.cache/policy_peers``, made by ``make bench``, or the folder in ``BT_RUN_POLICY_PEERS``), and are
skipped where it is missing. Riskfolio-Lib has no limit on total turnover, so it solves P1 only.
The covariance is that of three years of daily returns, which the peers are given as they ask for
them: their limit on the tracking error has a row for each day. That of a factor model is no sample
of returns; there they are given its Cholesky root as if it were. Every answer is judged here: by
how much the objective lies below ours, relative, and by how much a limit is missed. CPU seconds of
one thread, the median of three after a first; they are this machine's, now; only the ratios mean
anything elsewhere.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from bt_run_plugins.optimization.convex import (
    BUDGET,
    ConvexProblem,
    LinearLimit,
    Objective,
    Risk,
    SizeLimit,
    SumLimit,
)
from bt_run_plugins.optimization.convex_answer import solve_convex
from bt_run_plugins.optimization.covariance import (
    factor_root,
    sample_covariance,
    sparse_root,
)
from bt_run_plugins.optimization.matrix_root import square_root

Array = NDArray[np.float64]
ROOT = Path(__file__).resolve().parent
PEERS = Path(
    os.environ.get("BT_RUN_POLICY_PEERS", ROOT.parent / ".cache" / "policy_peers")
)
SIZES = (100, 300, 500)
SECTORS, CAP, TRACKING, TURNOVER, AVERSION, FACTORS = 10, 0.05, 0.03, 0.4, 5.0, 15
REPEATS = 3
LONGEST = 1800  # seconds that one peer may take for a problem


@dataclass(frozen=True)
class Data:
    """A market of N names: expected returns, covariance, benchmark, weights of now, sectors."""

    mu: Array
    S: Array
    X: Array  # (T, N), with X'X / (T - 1) = S
    b: Array
    w0: Array
    M: Array
    caps: Array
    B: Array  # (k, n) and d (n,) of the factor model that S is, where it is one
    d: Array


def market(n: int, kind: str) -> Data:
    """Make a market; its covariance is that of returns, or of factors."""
    rng = np.random.default_rng(n)
    common = rng.normal(0, 0.01, (756, 8))
    loadings = np.vstack([rng.uniform(0.5, 1.5, n), rng.normal(0, 0.4, (7, n))])
    returns = common @ loadings + rng.normal(0, 0.015, (756, n))
    S = sample_covariance(returns, 252)
    X = (returns - returns.mean(axis=0)) * np.sqrt(252)
    B, d = factor_root(S, FACTORS)
    if kind == "factor":
        S = B.T @ B + np.diag(d**2)
        X = np.linalg.cholesky(S).T * np.sqrt(n - 1)
    b = rng.pareto(1.5, n) + 0.1
    b = np.minimum(b / b.sum(), 0.04)
    b /= b.sum()
    w0 = b * rng.uniform(0.0, 2.0, n)
    sectors = np.arange(n) % SECTORS
    M = np.array([(sectors == one).astype(float) for one in range(SECTORS)])
    return Data(
        mu=rng.normal(0.06, 0.05, n),
        S=S,
        X=X,
        b=b,
        w0=w0 / w0.sum(),
        M=M,
        caps=np.maximum(M @ b + 0.03, 0.05),
        B=B,
        d=d,
    )


def problem(data: Data, kind: str, turnover: bool) -> ConvexProblem:
    """Return the problem as the policy's own code states it."""
    n = len(data.mu)
    F = sparse_root(data.B, data.d)
    if kind == "dense":
        F = sparse.csc_matrix(square_root(data.S))
    endless = np.full(n, np.inf)
    one = sparse.csc_matrix(np.ones((1, n)))
    linear = (
        LinearLimit(name=BUDGET, low=np.ones(1), high=np.ones(1), M=one),
        LinearLimit(name="position", low=-endless, high=np.full(n, CAP)),
        LinearLimit(
            name="sector",
            low=np.full(SECTORS, -np.inf),
            high=data.caps,
            M=sparse.csc_matrix(data.M),
        ),
    )
    risk = Risk(F, np.zeros(F.shape[0]))
    sums = (SumLimit(name="turnover", centre=data.w0, most=TURNOVER),)
    return ConvexProblem(
        lower=np.zeros(n),
        upper=endless,
        objective=Objective(linear=-data.mu, risk=risk, weight=AVERSION),
        linear=linear,
        sums=sums if turnover else (),
        size=SizeLimit(
            name="tracking_error",
            risk=Risk(F, np.asarray(F @ data.b)),
            most=TRACKING,
        ),
    )


def ours(data: Data, kind: str, turnover: bool) -> Array:
    """Solve as the policy does: root, program, solver, own check."""
    answer = solve_convex(problem(data, kind, turnover)).answer
    assert answer is not None
    return answer.weights


def twin(data: Data, kind: str, turnover: bool) -> Array:
    """Solve in cvxpy as the formula reads."""
    import cvxpy as cp

    n = len(data.mu)
    w = cp.Variable(n)
    if kind == "factor":

        def rows(x: object) -> object:
            return cp.hstack([data.B @ x, cp.multiply(data.d, x)])

    else:
        L = np.linalg.cholesky(data.S)

        def rows(x: object) -> object:
            return L.T @ x

    limits = [cp.sum(w) == 1, w >= 0, w <= CAP, data.M @ w <= data.caps]
    limits.append(cp.norm(rows(w - data.b)) <= TRACKING)
    if turnover:
        limits.append(cp.norm1(w - data.w0) <= TURNOVER)
    utility = data.mu @ w - 0.5 * AVERSION * cp.sum_squares(rows(w))
    cp.Problem(cp.Maximize(utility), limits).solve(solver=cp.CLARABEL)
    return np.asarray(w.value)


WAYS: dict[str, Callable[[Data, str, bool], Array]] = {
    "ours": ours,
    "cvxpy": twin,
}
OTHERS = ("skfolio", "riskfolio-lib")


def timed(way: str, n: int, kind: str, turnover: bool) -> tuple[float, Array]:
    """Return the median CPU seconds of some solves after a first one, and the weights."""
    data = market(n, kind)
    seconds = []
    for _ in range(REPEATS + 1):
        began = time.process_time()
        weights = WAYS[way](data, kind, turnover)
        seconds.append(time.process_time() - began)
    return statistics.median(seconds[1:]), weights


def elsewhere(
    way: str, n: int, kind: str, turnover: bool
) -> tuple[float, Array] | None:
    """Return the same of a peer, in the peers' environment; None where it cannot be done."""
    python = PEERS / "bin" / "python"
    if not python.exists():
        return None
    with tempfile.TemporaryDirectory() as folder:
        given, out = Path(folder) / "data.npz", Path(folder) / "out.npz"
        limits = {"cap": CAP, "tracking": TRACKING, "aversion": AVERSION}
        limits["turnover"] = TURNOVER if turnover else np.inf
        np.savez(given, **vars(market(n, kind)), **limits)
        single = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        told = [str(python), str(ROOT / "policy_peers.py"), way, str(REPEATS)]
        try:
            done = subprocess.run(
                [*told, str(given), str(out)],
                env={**os.environ, **dict.fromkeys(single, "1"), "PYTHONPATH": ""},
                capture_output=True,
                text=True,
                timeout=LONGEST,
            )
        except subprocess.TimeoutExpired:
            return None
        if done.returncode != 0:
            print(f"  {way}: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
            return None
        with np.load(out) as found:
            return float(found["seconds"]), found["weights"]


def main() -> int:
    """Print a line for each problem and each way."""
    sizes = [int(word) for word in sys.argv[1:]] or SIZES
    print(
        "names  problem         solved by        CPU s  times ours  objective  missed"
    )
    for n in sizes:
        for kind in ("dense", "factor"):
            for turnover in (False, True):
                compare(n, kind, turnover)
    return 0


def compare(n: int, kind: str, turnover: bool) -> None:
    data = market(n, kind)
    stated = problem(data, kind, turnover)
    label = f"{'P2' if turnover else 'P1'} {kind}"
    first: tuple[float, float] | None = None
    for way in (*WAYS, *OTHERS):
        if way == "riskfolio-lib" and turnover:
            continue
        found = (elsewhere if way in OTHERS else timed)(way, n, kind, turnover)
        if found is None:
            print(f"{n:5}  {label:14}  {way:14}  skipped")
            continue
        seconds, weights = found
        value = -stated.objective.value(weights)
        first = first or (seconds, value)
        below = (first[1] - value) / abs(first[1])
        missed = max(max(stated.missed(weights).values()), float(-weights.min()), 0.0)
        print(
            f"{n:5}  {label:14}  {way:14} {seconds:7.3f}  {seconds / first[0]:10.1f}  "
            f"{below:+9.0e}  {missed:6.0e}",
            flush=True,
        )


if __name__ == "__main__":
    raise SystemExit(main())
