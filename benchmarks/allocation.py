"""Time the sizers that share by risk beside a loop of skfolio over the same returns, monthly.

Run by ``make bench``. 100 stocks over ten years: those with the longest whole history in the folder
that ``BT_RUN_SHARED_DATA`` names, or made ones. Both sides are given the sample covariance of the
last 252 sessions and share 1 among all names; weights are compared month by month.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bt_run import BuildContext, bars_from
from bt_run.data.history import History
from bt_run.testing import make_state
from bt_run_plugins.sizers.hierarchical_risk_parity import (
    HierarchicalRiskParity,
    HierarchicalRiskParityConfig,
)
from bt_run_plugins.sizers.mean_variance import MeanVariance, MeanVarianceConfig
from bt_run_plugins.sizers.minimum_variance import (
    MinimumVariance,
    MinimumVarianceConfig,
)
from bt_run_plugins.sizers.risk_parity import RiskParity, RiskParityConfig

Array = NDArray[np.float64]
NAMES, ROWS, LOOKBACK, STEP, AVERSION = 100, 2772, 252, 21, 5.0


def prices() -> tuple[str, pd.DataFrame]:
    """Return what the prices are, and closes (T, N)."""
    folder = os.environ.get("BT_RUN_SHARED_DATA")
    if folder:
        table = pd.read_parquet(Path(folder) / "us_stocks_1999_2012.parquet")
        close = table.pivot(index="date", columns="ticker", values="adj_close")
        close = close.iloc[-ROWS:]
        whole = close.columns[close.notna().all() & (close > 0).all()]
        close = close[whole[:NAMES]]
        close.index = pd.DatetimeIndex(close.index).tz_localize(None)
        return f"{close.shape[1]} US stocks to 2012", close
    random = np.random.default_rng(1)
    market = random.normal(0.0004, 0.01, (ROWS, 1))
    own = random.standard_t(4, (ROWS, NAMES)) * random.uniform(0.006, 0.015, NAMES)
    days = pd.bdate_range("2003-01-02", periods=ROWS)
    close = 50 * np.exp((market + own).cumsum(axis=0))
    names = [f"S{number:03d}" for number in range(NAMES)]
    return f"{NAMES} made stocks", pd.DataFrame(close, index=days, columns=names)


def own_sizers() -> dict[str, Any]:
    """Return bt-run's sizers by name."""
    keys: dict[str, Any] = {"lookback": LOOKBACK, "covariance": "sample"}
    context = BuildContext(costs=None)
    return {
        "risk_parity": RiskParity(RiskParityConfig(**keys), context),
        "minimum_variance": MinimumVariance(MinimumVarianceConfig(**keys), context),
        "mean_variance": MeanVariance(
            MeanVarianceConfig(**keys, risk_aversion=AVERSION, shrink=False), context
        ),
        "hierarchical_risk_parity": HierarchicalRiskParity(
            HierarchicalRiskParityConfig(**keys), context
        ),
    }


def peers() -> dict[str, Callable[[Array], Array]]:
    """Return skfolio's estimators of the same portfolios, as functions of returns (T, N)."""
    from skfolio import RiskMeasure
    from skfolio.optimization import (
        HierarchicalRiskParity as Tree,
    )
    from skfolio.optimization import (
        MeanRisk,
        ObjectiveFunction,
        RiskBudgeting,
    )

    def utility(returns: Array) -> Array:
        model = MeanRisk(
            objective_function=ObjectiveFunction.MAXIMIZE_UTILITY,
            risk_aversion=AVERSION / 2,
        )
        return np.asarray(model.fit(returns).weights_)

    return {
        "risk_parity": lambda X: np.asarray(
            RiskBudgeting(risk_measure=RiskMeasure.VARIANCE).fit(X).weights_
        ),
        "minimum_variance": lambda X: np.asarray(MeanRisk().fit(X).weights_),
        "mean_variance": utility,
        "hierarchical_risk_parity": lambda X: np.asarray(Tree().fit(X).weights_),
    }


def main() -> None:
    """Print the table."""
    what, close = prices()
    months = range(LOOKBACK + 1, len(close), STEP)
    given = bars_from(close, calendar="24/5", benchmark=str(close.columns[0]))
    bars = given.bars if hasattr(given, "bars") else given
    returns = History(bars, len(bars) - 1).returns(len(bars))
    print(f"{what}, {len(months)} months, {LOOKBACK} sessions in the covariance\n")
    print(
        "| sizer | bt-run, CPU s | skfolio, CPU s | times | largest difference of a weight |"
    )
    print("|---|---:|---:|---:|---:|")
    theirs = peers()
    for name, sizer in own_sizers().items():
        own, begun = [], time.process_time()
        for t in months:
            own.append(np.asarray(sizer.target_weights(make_state(bars, at=t)).values))
        mine = time.process_time() - begun
        found, begun = [], time.process_time()
        for t in months:
            found.append(theirs[name](returns[t + 1 - LOOKBACK : t + 1]))
        other = time.process_time() - begun
        apart = np.abs(np.array(own) - np.array(found)).max()
        print(
            f"| `{name}` | {mine:.2f} | {other:.2f} | {other / mine:.1f} | {apart:.1e} |"
        )


if __name__ == "__main__":
    main()
