"""The analyzer `costs`: what a run gives at other costs, where it breaks even, and how much money
its markets would take. Each line of the first two is a run played again, not arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from bt_run import Array, BuildContext, Component, Config, Ledger, Prepared, hookimpl
from bt_run.studies.measuring import measured

if TYPE_CHECKING:
    import pandas as pd

# what a broker's commission and slippage charge; the rest of their keys says how
CHARGES = ("bps", "per_share", "minimum", "cap", "flat", "half_spread", "impact")
SENSITIVITY = "costs sensitivity"
BREAK_EVEN = "costs break-even"
CAPACITY = "costs capacity"
HIGHEST = 2000.0  # basis points, beyond which no break-even is looked for
STEPS = 7  # halvings
WINDOW = 63  # bars of the average volume
LARGE = 0.10  # share of a bar's average volume that moves a price


class CostsConfig(Config):
    """Configuration of the analyzer of costs."""

    multiples: tuple[float, ...] = Field(
        (0.0, 1.0, 2.0, 5.0),
        description="of the run's commission and slippage, each played again",
    )
    break_even: bool = Field(
        True,
        description="look for the slippage in basis points, in place of all costs, at which "
        "nothing is earned, and at which no more than by the benchmark; some twenty plays",
    )
    capital: tuple[float, ...] = Field(
        (1e6, 1e7, 1e8, 1e9),
        description="money at which the share of the average volume is told",
    )


@dataclass(frozen=True)
class CostsAnalyzer:
    """Plays a run again at other costs, and holds what it traded against the volume."""

    config: CostsConfig

    def decided(self, decision: Any) -> None:
        """Take no note: what is asked is asked after the run."""

    def table(self) -> tuple[str, pd.DataFrame]:
        """Return what the other tables are."""
        import pandas as pd

        rows = {
            SENSITIVITY: "the run played again at multiples of its costs",
            BREAK_EVEN: "slippage in place of all costs at which the run earns no more",
            CAPACITY: f"share of the average volume of {WINDOW} bars that fills would take",
        }
        return "costs", pd.DataFrame({"table": list(rows), "what": list(rows.values())})

    def study(self, prepared: Prepared, played: Ledger) -> Mapping[str, pd.DataFrame]:
        """Return the tables by name."""
        found = {SENSITIVITY: self._sensitivity(prepared)}
        if self.config.break_even:
            found[BREAK_EVEN] = _break_even(prepared)
        found[CAPACITY] = _capacity(played, self.config.capital)
        return found

    def _sensitivity(self, prepared: Prepared) -> pd.DataFrame:
        import pandas as pd

        rows = []
        for multiple in self.config.multiples:
            metrics, _, _, _ = measured(prepared.changed(scaled(prepared, multiple)))
            rows.append(
                {
                    "times the costs": multiple,
                    "return per year, %": _percent(metrics["cagr"]),
                    "total return, %": _percent(metrics["total_return"]),
                    "Sharpe ratio": metrics["sharpe"],
                    "worst drawdown, %": _percent(metrics["max_drawdown"]),
                    "costs, money": metrics["costs"],
                }
            )
        return pd.DataFrame(rows, dtype=float)


def _percent(value: float | None) -> float | None:
    return None if value is None else 100.0 * value


def scaled(prepared: Prepared, multiple: float) -> dict[str, float]:
    """Return the changes of a prepared run that multiply what its broker charges."""
    changes = {}
    options = prepared.config.broker.options
    for part in ("commission", "slippage"):
        for key, value in _charges(options.get(part)):
            changes[f"broker.{part}.{key}"] = multiple * value
    return changes


def _charges(part: Any) -> Iterable[tuple[str, float]]:
    given = part if isinstance(part, Mapping) else {}
    for key in CHARGES:
        value = given.get(key)
        if isinstance(value, int | float) and value:
            yield key, float(value)


def _break_even(prepared: Prepared) -> pd.DataFrame:
    """Return at which slippage, with no other costs, the total return is 0, and at which it is the
    benchmark's.
    """
    import pandas as pd

    free = dict.fromkeys(scaled(prepared, 1.0), 0.0)
    known: dict[float, float | None] = {}

    def total(bps: float) -> float | None:
        if bps not in known:
            changed = prepared.changed(free | {"broker.slippage.bps": bps})
            metrics, _, _, _ = measured(changed)
            known[bps] = metrics["total_return"]
        return known[bps]

    market = _benchmark_return(prepared)
    rows = []
    for label, target in (("nothing", 0.0), ("the benchmark's return", market)):
        bps, word = _crossing(total, target)
        rows.append({"earns no more than": label, "basis points": bps, "what": word})
    return pd.DataFrame(rows)


def _benchmark_return(prepared: Prepared) -> float:
    bars = prepared.bars
    values = bars.benchmark[bars.start :]
    return float(values[-1] / values[0] - 1.0)


def _crossing(
    total: Callable[[float], float | None], target: float
) -> tuple[float | None, str]:
    """Return the basis points at which what falls with costs meets a target, and a word."""

    def above(bps: float) -> bool:
        value = total(bps)
        return value is not None and value > target

    if not above(0.0):
        return None, "not even without costs"
    low, high = 0.0, 10.0
    while above(high):
        low, high = high, 2.0 * high
        if high > HIGHEST:
            return None, f"not below {low:g} bp"
    for _ in range(STEPS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if above(middle) else (low, middle)
    return 0.5 * (low + high), "of each trade, in place of all costs"


def _capacity(played: Ledger, capital: Iterable[float]) -> pd.DataFrame:
    """Return which share of a bar's average volume the fills would take at each NAV."""
    import pandas as pd

    shares = _shares_at_one(played)
    rows = []
    for money in capital:
        own = shares * money
        known = len(own) > 0
        rows.append(
            {
                "NAV": money,
                "fills with a volume": float(len(own)),
                "median share, %": 100 * float(np.median(own)) if known else None,
                "95th percentile, %": 100 * float(np.quantile(own, 0.95))
                if known
                else None,
                "largest share, %": 100 * float(own.max()) if known else None,
                "fills above a tenth, %": 100 * float((own > LARGE).mean())
                if known
                else None,
            }
        )
    return pd.DataFrame(rows, dtype=float)


def _shares_at_one(played: Ledger) -> Array:
    """Return the share (n,) of the average money traded in a bar that each fill would take if the
    NAV were 1; what has no volume is left out.
    """
    bars = played.bars
    money = np.nan_to_num(bars.close * bars.volume)
    there = np.isfinite(bars.close * bars.volume)
    sums, counts = np.cumsum(money, axis=0), np.cumsum(there, axis=0)
    found = []
    for record in played.fills:
        last = record.bar - 1
        if last < 0:
            continue
        first = last - WINDOW
        total = sums[last] - (sums[first] if first >= 0 else 0.0)
        count = counts[last] - (counts[first] if first >= 0 else 0)
        with np.errstate(all="ignore"):
            usual = total / count
            paid = np.abs(record.filled) * record.price / played.nav[last]
            found.append(paid / usual[record.assets])
    every = np.concatenate([np.empty(0), *found])
    return np.asarray(every[np.isfinite(every) & (every > 0.0)])


@hookimpl
def bt_analyzers() -> list[Component]:
    return [
        Component(
            name="costs",
            config=CostsConfig,
            build=_build,
            summary="plays the run again at other costs, finds where it breaks even, and holds "
            "what it traded against the volume",
            example={"multiples": (0.0, 2.0), "break_even": False},
        )
    ]


def _build(config: CostsConfig, _: BuildContext) -> CostsAnalyzer:
    return CostsAnalyzer(config)
