"""Leave names alone while their quoted spread is wide."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from bt_run import (
    Array,
    BuildContext,
    Component,
    DataError,
    Plan,
    PortfolioState,
    Verdict,
    hookimpl,
)
from bt_run_plugins.triggers.blocking import (
    BlockingConfig,
    blocking_advice,
    blocking_verdict,
)


class SpreadConfig(BlockingConfig):
    """Configuration of what a wide spread is; at least one measure."""

    table: str = Field(
        "spread", description="table of quoted spreads of data.tables, basis points"
    )
    above: float | None = Field(
        None, gt=0.0, description="basis points above which a spread is wide"
    )
    times_median: float | None = Field(
        3.0, gt=1.0, description="times its own median above which a spread is wide"
    )
    bars: int = Field(20, ge=1, description="bars before this one in the median")

    @model_validator(mode="after")
    def _one_measure(self) -> SpreadConfig:
        if self.above is None and self.times_median is None:
            raise ValueError(
                "neither above nor times_median was given; expected at least one, or nothing is "
                "ever wide"
            )
        return self


class Spread:
    """A trigger that blocks names whose quoted spread is wide now, or not known now."""

    def __init__(self, config: SpreadConfig, context: BuildContext) -> None:
        self.config = config
        self.reads: dict[str, Literal["number", "text", "series"]] = {
            config.table: "number"
        }

    def advice(self, plan: Plan) -> Iterator[str]:
        """Yield that nothing will ever be traded, where no other trigger fires."""
        yield from blocking_advice(self.config, plan)

    def check(self, state: PortfolioState, target: Array) -> Verdict:
        """Compare the spreads of the bar with the limit and with those before.

        Raises:
            DataError: the table has had no spread for a name that would trade.
        """
        config = self.config
        rows = state.history.table_rows(config.table, config.bars + 1)
        rows = rows.astype(np.float64)
        now = rows[-1]
        self._check_known(state, target, rows)
        wide = np.isnan(now)
        words = []
        if config.above is not None:
            wide |= now > config.above
            words.append(f"{config.above:g} bp")
        if config.times_median is not None:
            wide |= now > config.times_median * _medians(rows[:-1])
            words.append(f"{config.times_median:g} x its median")
        return blocking_verdict(config, wide, f"spread over {' or '.join(words)}")

    def _check_known(self, state: PortfolioState, target: Array, rows: Array) -> None:
        trades = (target != state.weights) & state.history.present
        missing = np.isnan(rows).all(axis=0) & trades
        if missing.any():
            name = state.history.assets[int(np.flatnonzero(missing)[0])]
            raise DataError(
                f"triggers: spread: the table {self.config.table!r} has no spread for {name} at "
                f"{state.history.now:%Y-%m-%d %H:%M} or in the {len(rows) - 1} bars before; "
                "expected basis points for every name that trades"
            )


def _medians(rows: Array) -> Array:
    """Return the median of what is known of each column, (n, N) -> (N,); inf where nothing is."""
    known = np.isfinite(rows)
    ordered = np.sort(np.where(known, rows, np.inf), axis=0)
    count = known.sum(axis=0)
    if not len(rows):
        return np.full(rows.shape[1], np.inf)
    low, high = np.maximum(count - 1, 0) // 2, count // 2
    at = np.arange(rows.shape[1])
    middle = (ordered[low, at] + ordered[np.minimum(high, len(rows) - 1), at]) / 2.0
    return np.where(count > 0, middle, np.inf)


@hookimpl
def bt_triggers() -> list[Component]:
    return [
        Component(
            name="spread",
            config=SpreadConfig,
            build=Spread,
            summary="blocks names whose quoted spread is wide",
            example={"above": 1.2, "fires": True},
        )
    ]
