"""Whether any of many configurations beats a baseline, and which do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bt_run.arrays import Array
from bt_run.studies.numbers import FLAT, require_numbers

__all__ = ["SuperiorAbility", "superior"]

RESAMPLES = 1_000
SIZE = 0.05  # chance of naming any configuration that is not better


@dataclass(frozen=True)
class SuperiorAbility:
    """Whether any of many configurations beats a baseline.

    Attributes:
        pvalue: of the hypothesis that none does (SPA, consistent).
        better: columns of those that do (StepM, at 5 % for all together), in order.
    """

    pvalue: float
    better: tuple[int, ...]


def superior(returns: Array, against: Array, seed: int) -> SuperiorAbility:
    """Test whether any of configurations with ``returns`` (T, N) beats the baseline with returns
    ``against`` (T,), and which do.

    Hansen's test of superior predictive ability (2005) and Romano and Wolf's stepwise test (2005),
    on losses (negative returns), by a stationary bootstrap drawn from ``seed`` whose blocks have
    the mean of the lengths that are optimal for each difference (Politis and White 2004). What
    differs from the baseline by a constant is not tested.

    Raises:
        DataError: some returns are missing.
    """
    from arch.bootstrap import SPA, StepM, optimal_block_length

    require_numbers(returns, "returns")
    require_numbers(against, "returns of the baseline")
    ahead = returns - against[:, None]
    tested = np.flatnonzero(np.ptp(ahead, axis=0) > FLAT)
    if len(tested) == 0:
        return SuperiorAbility(1.0, ())
    lengths = optimal_block_length(ahead[:, tested])["stationary"]
    block = max(1, round(float(lengths.mean())))
    losses = -returns[:, tested]
    ability = SPA(-against, losses, block, RESAMPLES, "stationary", seed=seed)
    ability.compute()
    stepwise = StepM(-against, losses, SIZE, block, RESAMPLES, "stationary", seed=seed)
    stepwise.compute()
    named = np.array(stepwise.superior_models, dtype=np.intp)
    better = tuple(sorted(tested[named].tolist()))
    return SuperiorAbility(float(ability.pvalues["consistent"]), better)
