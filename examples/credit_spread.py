"""Hold stocks while corporate credit is calm: a strategy on a macro series that is known with a
lag.
"""

from typing import ClassVar

import numpy as np
from pydantic import Field

from bt_run import Component, Config, hookimpl


class CreditSpreadConfig(Config):
    lookback: int = Field(
        default=252, ge=2, description="bars over which the spread's mean is taken"
    )


class CreditSpread:
    """Hold everything while the yield spread of Baa over Aaa bonds is not above its mean."""

    reads: ClassVar = {"baa": "series", "aaa": "series"}

    def __init__(self, config, context):
        self.config = config

    def signal(self, state):
        history, n = state.history, self.config.lookback
        spread = history.series("baa", n) - history.series("aaa", n)
        calm = spread[-1] <= spread.mean()
        return np.where(history.tradable, float(calm), np.nan)


@hookimpl
def bt_strategies():
    return [
        Component(
            name="credit_spread",
            config=CreditSpreadConfig,
            build=CreditSpread,
            summary="hold while the Baa-Aaa yield spread is not above its mean",
        )
    ]
