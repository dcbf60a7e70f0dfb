"""One thread for BLAS, OpenMP, LightGBM and XGBoost: more only wait for each other beside cells."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from functools import cache
from types import MappingProxyType
from typing import Any

from bt_run.studies.cells import Cell, Outcome, run_cell

__all__ = ["ENVIRONMENT", "run_in_worker", "set_environment", "threads"]

# read by the libraries as they are loaded
ENVIRONMENT: Mapping[str, str] = MappingProxyType(
    dict.fromkeys(
        (
            "OMP_NUM_THREADS",
            "OPENBLAS_NUM_THREADS",
            "MKL_NUM_THREADS",
            "BLIS_NUM_THREADS",
            "VECLIB_MAXIMUM_THREADS",
            "NUMEXPR_NUM_THREADS",
        ),
        "1",
    )
)


def set_environment() -> None:
    """Let libraries that this process has still to load begin with one thread."""
    os.environ.update(ENVIRONMENT)


def run_in_worker(cell: Cell) -> Outcome:
    """Play a ``cell`` in a process that does nothing else, with one thread."""
    _limit()
    return run_cell(cell, may_exit=True)


def threads(count: int) -> AbstractContextManager[Any]:
    """Return what limits libraries that are loaded already to ``count`` threads."""
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[Any] = threadpool_limits(limits=count)
    return limits


@cache
def _limit() -> None:
    """Limit the threads of this worker, once."""
    from threadpoolctl import threadpool_limits

    set_environment()
    threadpool_limits(limits=1)
