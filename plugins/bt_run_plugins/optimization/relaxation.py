"""How much a limit must give way so that all can be met."""

from __future__ import annotations

from typing import Any

import numpy as np

from bt_run.arrays import Mask
from bt_run_plugins.optimization.program import QuadraticProgram

__all__ = ["least_excess"]


def least_excess(program: QuadraticProgram, soft: Mask) -> float:
    """Return the least e >= 0 for which  l <= Az <= u + e soft  can be met; inf where none does.

    ``soft`` (k,) are the rows whose upper ends give way. A linear program in z and e, by HiGHS.
    """
    from scipy import sparse
    from scipy.optimize import linprog

    # an equation gives way at its upper end only, so its two ends part
    equal = program.equal & ~soft
    above = np.isfinite(program.u) & ~equal
    below = np.isfinite(program.l) & ~equal
    none = np.zeros(len(soft), dtype=bool)
    # in (z, e):  Az - e soft <= u,  -Az <= -l,  and Az = u for the equations
    upper = _rows(program, soft)[above]
    lower = -_rows(program, none)[below]
    equations = _rows(program, none)[equal]
    ends = np.concatenate([program.u[above], -program.l[below]])
    n = program.A.shape[1]
    free = [(None, None)] * n
    found = linprog(
        c=np.append(np.zeros(n), 1.0),
        A_ub=sparse.vstack([upper, lower]),
        b_ub=ends,
        A_eq=equations,
        b_eq=program.u[equal],
        bounds=[*free, (0.0, None)],
        method="highs",
    )
    if found.status != 0:
        return np.inf
    return float(found.fun)


def _rows(program: QuadraticProgram, soft: Mask) -> Any:
    """Return the rows of A and behind them the column of e, by row."""
    from scipy import sparse

    e = sparse.csr_matrix(soft[:, None], dtype=np.float64)
    return sparse.hstack([program.A, -e], format="csr")
