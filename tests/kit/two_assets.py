"""A state with two assets, A and B, for components tried by hand."""

import numpy as np

from bt_run import BuildContext, Limits
from bt_run.data.history import History
from bt_run.decision.state import PortfolioState, Tracks
from bt_run.testing import make_bars


def context(**limits):
    return BuildContext(costs=None, limits=Limits(**limits))


def state(
    bars=None, signals=(1.0, 1.0), weights=(0.0, 0.0), nav_history=(1.0,), **changes
):
    bars = bars or make_bars({"A": [1, 1], "B": [1, 1]})
    return PortfolioState(
        **{
            "history": History(bars, len(bars) - 1),
            "signals": np.array(signals, dtype=float),
            "weights": np.array(weights, dtype=float),
            "nav": 1.0,
            "cash": 1.0,
            "shares": np.zeros(2),
            "nav_history": np.array([1.0]),
            "costs": None,
            "tracks": Tracks({"sizer": lambda: np.array(nav_history)}),
        }
        | changes
    )


def zigzag(count, size):
    return 100 * np.cumprod(
        np.append(1.0, np.where(np.arange(count) % 2, 1 - size, 1 + size))
    )
