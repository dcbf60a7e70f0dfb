"""The analyzer `asset_prices`: what assets cost, for pictures of the trades in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from bt_run import (
    Array,
    Bars,
    BuildContext,
    Component,
    Config,
    ConfigError,
    Ledger,
    Prepared,
    hookimpl,
)
from bt_run.results.metrics import closing_rows
from bt_run.text import did_you_mean, listed

if TYPE_CHECKING:
    import pandas as pd

NAME = "asset_prices"
MOST = 8  # assets


class PricesConfig(Config):
    """Configuration of the analyzer of prices."""

    assets: tuple[str, ...] = Field(
        (),
        max_length=MOST,
        description=f"assets of the run, {MOST} at most; if none are named, those of which the "
        "most money was traded",
    )


@dataclass(frozen=True)
class PricesAnalyzer:
    """Keeps the prices of some assets at each session's close."""

    config: PricesConfig

    def decided(self, decision: Any) -> None:
        """Take no note: prices are there after the run."""

    def table(self) -> tuple[str, pd.DataFrame]:
        """Return what the other table is."""
        import pandas as pd

        rows = {NAME: "closes on the market, which the section on trades draws"}
        frame = pd.DataFrame({"table": list(rows), "what": list(rows.values())})
        return "prices of assets", frame

    def study(self, prepared: Prepared, played: Ledger) -> Mapping[str, pd.DataFrame]:
        """Return session, asset and price, a row for each session of each asset."""
        import pandas as pd

        bars = prepared.bars
        chosen = self._columns(bars, played)
        sessions = bars.sessions[bars.start :]
        last, inside = closing_rows(sessions[1:] != sessions[:-1])
        rows = bars.start + np.flatnonzero(last)
        closes = market_closes(bars)[rows]
        days = bars.sessions[rows].astype("datetime64[D]")
        days[0] -= np.timedelta64(int(inside), "D")  # as the NAV's closes are dated
        parts = [
            pd.DataFrame(
                {
                    "session": days.astype(str),
                    "asset": bars.assets[n],
                    "price": closes[:, n],
                }
            )
            for n in chosen
        ]
        return {NAME: pd.concat(parts, ignore_index=True)}

    def _columns(self, bars: Bars, played: Ledger) -> list[int]:
        """Return the columns of the assets: those named, or those traded most."""
        names = list(bars.assets)
        for asset in self.config.assets:
            if asset not in names:
                raise ConfigError(
                    f"analyzers: asset_prices: no asset {asset!r}; expected some of {listed(names)}"
                    f"{did_you_mean(asset, names)}"
                )
        if self.config.assets:
            return [names.index(asset) for asset in self.config.assets]
        traded = np.zeros(len(names))
        for record in played.fills:
            np.add.at(traded, record.assets, np.abs(record.filled) * record.price)
        order = np.argsort(-traded, kind="stable")[:MOST].tolist()
        return [column for column in order if traded[column] > 0.0] or order[:1]


def market_closes(bars: Bars) -> Array:
    """Return what a chart shows of each asset (T, N): the close of what is traded over the shares
    that this stands for; where the source knows no splits, the close of what is traded.
    """
    if bars.market_shares is None:
        return bars.traded.close
    known = np.isfinite(bars.market_shares)
    return np.asarray(bars.traded.close / np.where(known, bars.market_shares, 1.0))


@hookimpl
def bt_analyzers() -> list[Component]:
    return [
        Component(
            name="asset_prices",
            config=PricesConfig,
            build=_build,
            summary="keeps the prices of some assets, on which the page draws their trades",
        )
    ]


def _build(config: PricesConfig, _: BuildContext) -> PricesAnalyzer:
    return PricesAnalyzer(config)
