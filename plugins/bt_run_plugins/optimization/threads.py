"""One thread for BLAS: small problems gain nothing from more, and wait for busy cores."""

from __future__ import annotations

from functools import cache
from typing import Any

__all__ = ["one_thread"]


def one_thread() -> Any:
    """Return a context in which BLAS works on one thread, so that nothing depends on how many there
    are.
    """
    return _thread_pools().limit(limits=1, user_api="blas")


@cache
def _thread_pools() -> Any:
    """Return the thread pools of this process: to find them takes as long as a small problem."""
    import scipy.linalg  # noqa: F401 - whose pool must be there to be found
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
