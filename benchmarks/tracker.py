"""Time 130 monthly tracking problems at 20, 100, 500 and 1,000 names, beside cvxpy loops and peers
on the same data.

Run by ``make bench``; with a number, only that many months. Peers live in an environment of their
own (``.cache/tracker_peers``, made by ``make bench``), and are skipped where it is missing. Every
answer is judged here, by the same objective and the same residuals. Then the run on real prices,
where there are any. Times are this machine's, now; only the ratios mean anything elsewhere.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bt_run_plugins.optimization.contract import CONTRACTS
from bt_run_plugins.sizers.qp_tracker.accuracy import clean, residuals
from bt_run_plugins.sizers.qp_tracker.problem import TrackingProblem
from bt_run_plugins.sizers.qp_tracker.solve import solve_exact, solve_tracking

Array = NDArray[np.float64]
Solve = Callable[[Array, Array], Array]
ROOT = Path(__file__).resolve().parent
PEERS = ROOT.parent / ".cache" / "tracker_peers"
T, MONTHS, STEP, CAP = 1260, 130, 21, 0.15
FEW = {
    20: 8,
    100: 5,
    500: 5,
    1000: 3,
}  # months that the slow ones solve; their time is scaled to all
LONGEST = 900  # seconds that one peer may take for its months


@dataclass(frozen=True)
class Line:
    """Hold what one way of solving took and reached: seconds of the first month, and the median of
    the others.
    """

    name: str
    months: int
    first: float
    each: float
    weights: list[Array]


def market(n: int, months: int) -> tuple[Array, Array]:
    """Make daily returns of ``n`` stocks and of an index that holds 80% in them: fat tails, eight
    factors.
    """
    rng = np.random.default_rng(n)
    days = T + STEP * months
    factors = rng.standard_t(4, (days, 8)) * np.array([0.008, *np.full(7, 0.003)])
    loadings = np.vstack([rng.uniform(0.5, 1.5, n), rng.normal(0.0, 1.0, (7, n))])
    returns = factors @ loadings + rng.standard_t(4, (days, n)) * rng.uniform(
        0.006, 0.02, n
    )
    cap = rng.pareto(1.2, n)
    other = (
        factors @ np.array([1.0, *np.full(7, 0.3)]) + rng.standard_t(4, days) * 0.002
    )
    return returns, 0.8 * (returns @ (cap / cap.sum())) + 0.2 * other


def windows(
    returns: Array, benchmark: Array, months: int
) -> Iterator[tuple[Array, Array]]:
    for month in range(months):
        rows = slice(month * STEP, month * STEP + T)
        yield np.ascontiguousarray(returns[rows]), benchmark[rows]


def problem(R: Array, b: Array) -> TrackingProblem:
    n = R.shape[1]
    return TrackingProblem(
        X=R - b[:, None], lower=np.zeros(n), upper=np.full(n, CAP), now=np.zeros(n)
    )


def ours(R: Array, b: Array) -> Array:
    """Solve as the sizer does: Gram matrix, exact method, own check."""
    weights = solve_tracking(problem(R, b)).weights
    assert weights is not None
    return weights


def osqp_directly(R: Array, b: Array) -> Array:
    weights = solve_tracking(problem(R, b), "osqp").weights
    assert weights is not None
    return weights


def naive(R: Array, b: Array) -> Array:
    """Solve as the formula reads, a new problem each month."""
    import cvxpy as cp

    w = cp.Variable(R.shape[1])
    asked = cp.Problem(
        cp.Minimize(cp.sum_squares(R @ w - b) / len(b)),
        [cp.sum(w) == 1, w >= 0, w <= CAP],
    )
    asked.solve(solver=cp.OSQP)
    return np.asarray(w.value)


def naive_on_returns_times_100(R: Array, b: Array) -> Array:
    """Solve as the formula reads, in percent and to 1e-8: what accuracy costs there."""
    import cvxpy as cp

    w = cp.Variable(R.shape[1])
    asked = cp.Problem(
        cp.Minimize(cp.sum_squares(100 * (R @ w - b)) / len(b)),
        [cp.sum(w) == 1, w >= 0, w <= CAP],
    )
    asked.solve(solver=cp.OSQP, eps_abs=1e-8, eps_rel=1e-8, max_iter=100_000)
    return np.asarray(w.value)


def parametrised(solver: str) -> Callable[[int], Solve]:
    """Compile once, with the triangular factor of the Gram matrix as parameter; only numbers
    change.
    """

    def build(n: int) -> Solve:
        import cvxpy as cp

        w, factor = cp.Variable(n), cp.Parameter((n, n))
        asked = cp.Problem(
            cp.Minimize(cp.sum_squares(factor @ w)), [cp.sum(w) == 1, w >= 0, w <= CAP]
        )

        def solve(R: Array, b: Array) -> Array:
            X = R - b[:, None]
            # scaled, or the solvers' absolute tolerances would be met by any weights
            factor.value = np.linalg.qr(X, mode="r") / np.sqrt((X**2).sum() / n)
            asked.solve(solver=solver)
            return np.asarray(w.value)

        return solve

    return build


def timed(name: str, solve: Solve, data: tuple[Array, Array], months: int) -> Line:
    seconds, weights = [], []
    for R, b in windows(*data, months):
        begun = time.perf_counter()
        weights.append(solve(R, b))
        seconds.append(time.perf_counter() - begun)
    return Line(
        name, months, seconds[0], statistics.median(seconds[1:] or seconds), weights
    )


def peer(name: str, data: tuple[Array, Array], months: int) -> Line | str:
    """Let a peer solve its months in its own environment; return a sentence where it does not."""
    python = PEERS / "bin" / "python"
    if not python.exists():
        return f"{name}: skipped, {PEERS} does not exist; make bench makes it"
    with tempfile.TemporaryDirectory() as folder:
        given, answer = Path(folder) / "in.npz", Path(folder) / "out.npz"
        np.savez(given, returns=data[0], benchmark=data[1])
        shape = json.dumps({"T": T, "step": STEP, "cap": CAP, "months": months})
        command = [python, ROOT / "tracker_peers.py", name, shape, given, answer]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=LONGEST, check=False
            )
        except subprocess.TimeoutExpired:
            return f"{name}: skipped, {months} months took over {LONGEST} s"
        if done.returncode:
            lines = done.stderr.strip().splitlines() or ["it gave no reason"]
            return f"{name}: skipped, {lines[-1][:150]}"
        found = np.load(answer)
    seconds = found["seconds"]
    return Line(
        name,
        months,
        float(seconds[0]),
        float(np.median(seconds[1:])),
        list(found["weights"]),
    )


def report(n: int, months: int) -> None:
    data = market(n, months)
    few = min(FEW[n], months)
    mine = timed("this sizer", ours, data, months)
    lines: list[Line | str] = [
        mine,
        timed("OSQP directly, scaled, 1e-8", osqp_directly, data, few),
        timed("cvxpy + OSQP, as the formula reads", naive, data, few),
        timed("cvxpy + OSQP, in percent, 1e-8", naive_on_returns_times_100, data, few),
    ]
    for solver in ("OSQP", "CLARABEL"):
        lines.append(
            timed(
                f"cvxpy parametrised (DPP) + {solver}",
                parametrised(solver)(n),
                data,
                few,
            )
        )
    lines += [
        peer(name, data, few)
        for name in ("daqp", "piqp", "skfolio", "cvxportfolio", "riskfolio")
    ]
    problems = [problem(R, b) for R, b in windows(*data, months)]
    print(
        f"\nN = {n}, T = {T}; seconds for {months} months: the first, and the median of the "
        f"others times {months - 1}"
    )
    print(
        f"  {'':38s} {'solved':>6s} {'seconds':>9s} {'ratio':>7s} {'objective':>10s} "
        f"{'sum w - 1':>10s} {'bounds':>8s}"
    )
    for line in lines:
        print(f"  {line}" if isinstance(line, str) else _row(line, mine, problems))
    worst = [
        residuals(p, answer)
        for p in problems
        if (answer := solve_exact(p).answer) is not None
    ]
    met = sum(item.meet(CONTRACTS["exact"]) for item in worst)
    print(
        f"  this sizer's residuals, worst of {len(worst)}: budget "
        f"{max(r.budget for r in worst):.0e}, bounds "
        f"{max(r.bounds for r in worst):.0e}, dual {max(r.dual for r in worst):.0e}, gap "
        f"{max(r.gap for r in worst):.0e}; {met} of {months} within the contract"
    )


def _row(line: Line, mine: Line, problems: list[TrackingProblem]) -> str:
    """Write one line: the objective is the largest excess over ours, relative, in any month."""
    months = len(problems)
    total = line.first + line.each * (months - 1)
    base = mine.first + mine.each * (months - 1)
    excess, budget, bounds = [], [], []
    for p, w, best in zip(problems, line.weights, mine.weights, strict=False):
        allowed = clean(p, np.clip(w, 0.0, CAP))  # else breaking a bound would pay
        squares = [float((p.differences(x) ** 2).mean()) for x in (allowed, best)]
        excess.append(squares[0] / squares[1] - 1.0)
        budget.append(abs(float(w.sum()) - 1.0))
        bounds.append(float(np.maximum(np.maximum(-w, w - CAP), 0.0).max()))
    lowest, highest = min(excess), max(excess)
    shown = highest if abs(highest) >= abs(lowest) else lowest
    return (
        f"  {line.name:38s} {line.months:6d} {total:9.2f} {total / base:7.1f} {shown:+10.0e} "
        f"{max(budget):10.0e} {max(bounds):8.0e}"
    )


def main() -> None:
    months = int(sys.argv[1]) if len(sys.argv) > 1 else MONTHS
    print("tracking an index: the same problems, solved by different tools")
    print(
        "objective: mean squared difference relative to ours, less 1, worst month; negative is "
        "better than ours;"
    )
    print(
        "weights outside the bounds or the budget are first put right, since breaking a limit "
        "would pay"
    )
    for n in (20, 100, 500, 1000):
        report(n, months if n < 1000 else min(months, FEW[n]))
    if "BT_RUN_SHARED_DATA" in os.environ:
        subprocess.run([sys.executable, ROOT / "tracker_real.py"], check=True)
    else:
        print("\nreal prices: skipped, BT_RUN_SHARED_DATA names no folder")


if __name__ == "__main__":
    main()
