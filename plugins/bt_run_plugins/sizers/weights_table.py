"""Hold target weights by date, as index providers and optimizers elsewhere hand them over."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from bt_run import (
    Array,
    BuildContext,
    Component,
    Config,
    DataError,
    PortfolioState,
    hookimpl,
)
from bt_run_plugins.sizers.sharing import exposures

# weights rounded to a few digits may sum to a little more than 1; the limits cut that
ROUNDING = 1e-3


class WeightsTableConfig(Config):
    """Configuration of target weights from a table."""

    table: str = Field(
        "weights",
        min_length=1,
        description="the table under `data.tables`: fractions of NAV; an asset without one is not "
        "held",
    )
    scale: float = Field(
        1.0,
        gt=0.0,
        allow_inf_nan=False,
        description="what the table's values are multiplied by: 0.01 where they are percent",
    )


class WeightsTable:
    """The newest weights of a table, times exposure."""

    accepts = frozenset({"exposure"})

    def __init__(self, config: WeightsTableConfig, context: BuildContext) -> None:
        self.config = config
        self.limit = context.limits.gross
        self.reads = {config.table: "number"}

    def target_weights(self, state: PortfolioState) -> Array:
        """Return weights (N,): the table's as they are known now, times exposure.

        Raises:
            DataError: they are above the gross limit by more than rounding.
        """
        known = state.history.table(self.config.table).astype(np.float64)
        weights = self.config.scale * np.nan_to_num(known, nan=0.0)
        gross = float(np.abs(weights).sum())
        if gross > self.limit + ROUNDING:
            raise DataError(
                f"data.tables.{self.config.table}: the weights known at {state.history.session} "
                f"have sizes that sum to {gross:g}; expected at most limits.gross, {self.limit:g}; "
                "percent are read with `scale: 0.01`, and where each date lists all that is held, "
                "`snapshots: true` lets earlier names go"
            )
        return weights * exposures(state.signals)


@hookimpl
def bt_sizers() -> list[Component]:
    return [
        Component(
            name="weights_table",
            config=WeightsTableConfig,
            build=WeightsTable,
            summary="target weights by date from a table, times exposure",
            example={"scale": 0.1},
        )
    ]
