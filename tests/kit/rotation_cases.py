"""Rotations as convex problems, made at random, and the same written in cvxpy."""

import numpy as np

from bt_run_plugins.sizers.qp_rotation.problem import RotationCase
from bt_run_plugins.sizers.rotation.config import RotationConfig

LAMBDA = 0.1
SECTORS = 11


def correlation_of(rng, n):
    """Return the correlation (n, n) of a market with five factors."""
    B = np.column_stack([rng.normal(1, 0.3, n), rng.normal(0, 0.5, (n, 4))])
    C = B @ np.diag([1, 0.3, 0.3, 0.2, 0.2]) @ B.T + np.diag(rng.uniform(0.5, 2, n))
    size = np.sqrt(np.diag(C))
    return 0.9 * C / np.outer(size, size) + 0.1 * np.eye(n)


def made_case(seed, n, config):
    """Return a case whose holdings are near the best, but not they."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=n)
    order = np.argsort(-z)
    weights = np.zeros(n)
    count = max(2, min(20, n // 4))
    weights[order[2 : 2 + count]] = config.gross / count
    if config.short:
        weights[order[2 : 2 + count]] = 0.05
        weights[order[-2 - count : -2]] = -0.05
    weights = np.clip(weights, -config.per_name_cap, config.per_name_cap)
    everyone = np.ones(n, dtype=bool)
    return RotationCase(
        z=z,
        weights=weights,
        C=correlation_of(rng, n),
        cost=rng.uniform(1, 10, n),
        sector=rng.integers(0, SECTORS, n),
        sectors=SECTORS,
        beta=rng.normal(1, 0.3, n) if config.short else None,
        eligible=everyone,
        fixed=~everyone,
    )


def rules(preset, **given):
    return RotationConfig(preset=preset, sectors="sector", **given)


def value_of(case, config, w):
    """Return  z'w - lambda w'Cw - gamma sum c |w - w0|."""
    traded = (case.cost * np.abs(w - case.weights)).sum()
    return case.z @ w - LAMBDA * w @ case.C @ w - config.gamma_cost * traded


def by_cvxpy(case, config):
    """Return the weights (n,) that cvxpy finds with Clarabel, written anew."""
    import cvxpy as cp

    w, w0 = cp.Variable(len(case.z)), case.weights
    M = (case.sector[None, :] == np.arange(SECTORS)[:, None]).astype(float)
    rows = [
        cp.abs(w) <= config.per_name_cap,
        cp.abs(w - w0) <= config.max_turnover_per_name,
        cp.norm1(w - w0) <= config.max_turnover,
        cp.norm1(w) <= config.gross,
        cp.abs(M @ w) <= config.sector_cap,
    ]
    if config.short:
        rows += [
            cp.abs(cp.sum(w)) <= config.net,
            cp.abs(case.beta @ w) <= config.beta,
        ]
    else:
        rows.append(w >= 0)
    cost = config.gamma_cost * case.cost @ cp.abs(w - w0)
    risk = cp.quad_form(w, cp.psd_wrap(case.C))
    cp.Problem(cp.Maximize(case.z @ w - LAMBDA * risk - cost), rows).solve(
        solver=cp.CLARABEL
    )
    return w.value


def largest_violation(case, config, w):
    """Return by how much weights (n,) miss the worst of all limits."""
    change = np.abs(w - case.weights)
    sectors = np.bincount(case.sector, w, minlength=SECTORS)
    missed = [
        np.abs(w).max() - config.per_name_cap,
        change.max() - config.max_turnover_per_name,
        change.sum() - config.max_turnover,
        np.abs(w).sum() - config.gross,
        np.abs(sectors).max() - config.sector_cap,
    ]
    if config.short:
        missed += [abs(w.sum()) - config.net, abs(case.beta @ w) - config.beta]
    else:
        missed.append(-w.min())
    return max(missed)
