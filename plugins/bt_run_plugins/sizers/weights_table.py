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
        self.limits = context.limits
        self.reads = {config.table: "number"}

    def target_weights(self, state: PortfolioState) -> Array:
        """Return weights (N,): the table's as they are known now, times exposure.

        Raises:
            DataError: they are above a limit by more than rounding, or negative where shorts are
                forbidden.
        """
        known = state.history.table(self.config.table).astype(np.float64)
        weights = self.config.scale * np.nan_to_num(known, nan=0.0)
        self._refuse(state, weights)
        return weights * exposures(state.signals)

    def _refuse(self, state: PortfolioState, weights: Array) -> None:
        """Refuse weights (N,) that the limits would cut in silence."""
        limits = self.limits
        where = f"data.tables.{self.config.table}: at {state.history.session}"
        gross = float(np.abs(weights).sum())
        if gross > limits.gross + ROUNDING:
            raise DataError(
                f"{where} the weights known have sizes that sum to {gross:g}; expected at most "
                f"limits.gross, {limits.gross:g}; percent are read with `scale: 0.01`, and where "
                "each date lists all that is held, `snapshots: true` lets earlier names go"
            )
        largest = int(np.argmax(np.abs(weights)))
        asset = state.history.assets[largest]
        if abs(weights[largest]) > limits.name + ROUNDING:
            raise DataError(
                f"{where} the weight of {asset} was {weights[largest]:g}; expected at most "
                f"limits.name, {limits.name:g}"
            )
        if not limits.short and (weights < 0.0).any():
            first = int(np.flatnonzero(weights < 0.0)[0])
            raise DataError(
                f"{where} the weight of {state.history.assets[first]} was {weights[first]:g}; "
                "expected 0 or more, or `limits: {short: true}`"
            )


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
