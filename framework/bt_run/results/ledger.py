"""What was decided, ordered, filled and held: the record that everything later reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from bt_run.account.account import Account, CashFlow, FillRecord
from bt_run.arrays import Array
from bt_run.data.bars import Bars
from bt_run.decision.state import Decision

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Ledger", "fills_table", "ledger_of"]


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """Hold the record of one account from ``bars.start`` on.

    Attributes:
        nav, cash: (T,), NaN before the start.
        holdings: (bar, shares (N,)) at each change of the shares.
        stages: names of the weighing stages, in order: sized, overlay_1_NAME, ...
        analyses: what Backtrader's analyzers found: name -> key -> value.
    """

    bars: Bars
    nav: Array
    cash: Array
    holdings: tuple[tuple[int, Array], ...]
    fills: tuple[FillRecord, ...]
    cash_flows: tuple[CashFlow, ...] = ()
    decisions: tuple[Decision, ...] = ()
    stages: tuple[str, ...] = ()
    analyses: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def spans(self) -> list[tuple[slice, Array]]:
        """Return the runs of bars over which the shares (N,) did not change."""
        ends = [bar for bar, _ in self.holdings[1:]] + [len(self.bars)]
        return [
            (slice(bar, end), shares)
            for (bar, shares), end in zip(self.holdings, ends, strict=True)
        ]

    def exposure(self) -> tuple[Array, Array]:
        """Return gross and net exposure (T,), fractions of NAV."""
        gross, net = np.zeros(len(self.bars)), np.zeros(len(self.bars))
        for rows, shares in self.spans():
            value = self.bars.mark[rows] * shares
            gross[rows], net[rows] = np.abs(value).sum(axis=1), value.sum(axis=1)
        return gross / self.nav, net / self.nav

    def nav_table(self, baselines: dict[str, Array]) -> pd.DataFrame:
        """Return time (index), nav, cash, gross, net and the baselines' NAVs."""
        import pandas as pd

        gross, net = self.exposure()
        columns = {"nav": self.nav, "cash": self.cash, "gross": gross, "net": net, **baselines}
        frame = pd.DataFrame(columns, index=self.bars.index.rename("time"))
        return frame.iloc[self.bars.start :]

    def positions_table(self) -> pd.DataFrame:
        """Return time, asset, shares, price, value, stale: a row for each asset held at each bar."""
        import pandas as pd

        parts: list[tuple[Any, ...]] = []
        for rows, shares in self.spans():
            held = np.flatnonzero(shares)
            bars = np.arange(rows.start, rows.stop)
            price = self.bars.mark[rows][:, held]
            stale = ~self.bars.present[rows][:, held]
            count = len(bars)
            parts.append(
                (
                    np.repeat(bars, len(held)),
                    np.tile(held, count),
                    np.tile(shares[held], count),
                    price.ravel(),
                    stale.ravel(),
                )
            )
        bar, asset, shares, price, stale = (
            np.concatenate(column) for column in zip(*parts, strict=True)
        )
        return pd.DataFrame(
            {
                "time": self.bars.index[bar],
                "asset": _names(self.bars, asset),
                "shares": shares,
                "price": price,
                "value": shares * price,
                "stale": stale,
            }
        )

    def cash_flows_table(self) -> pd.DataFrame:
        """Return time, asset, kind, amount."""
        import pandas as pd

        bar = np.concatenate(
            [np.repeat(f.bar, len(f.assets)) for f in self.cash_flows] or [np.zeros(0, int)]
        )
        asset = np.concatenate([f.assets for f in self.cash_flows] or [np.zeros(0, int)])
        kind = np.concatenate(
            [np.repeat(f.kind, len(f.assets)) for f in self.cash_flows] or [np.zeros(0, str)]
        )
        amount = np.concatenate([f.amount for f in self.cash_flows] or [np.zeros(0)])
        return pd.DataFrame(
            {
                "time": self.bars.index[bar],
                "asset": _names(self.bars, asset),
                "kind": kind.astype(object),
                "amount": amount,
            }
        )

    def decisions_table(self) -> pd.DataFrame:
        """Return time, asset, signal, one column per weighing stage, target, drifted, fired,
        reason.
        """
        import pandas as pd

        bars, count = self.bars, len(self.bars.assets)
        bar = np.array([d.bar for d in self.decisions], dtype=np.intp)

        def column(values: list[Any], dtype: Any = np.float64) -> Any:
            return np.concatenate(values) if values else np.zeros(0, dtype=dtype)

        columns = {
            "time": bars.index[np.repeat(bar, count)],
            "asset": _names(bars, np.tile(np.arange(count), len(bar))),
            "signal": column([d.signal for d in self.decisions]),
        }
        for place, name in enumerate(self.stages):
            columns[name] = column([d.stages[place] for d in self.decisions])
        columns["target"] = column([d.target for d in self.decisions])
        columns["drifted"] = column([d.drifted for d in self.decisions])
        columns["fired"] = column([d.traded for d in self.decisions], np.bool_)
        columns["reason"] = column([d.reason for d in self.decisions], object)
        return pd.DataFrame(columns)

    def memos_table(self) -> pd.DataFrame:
        """Return time, component, memo, notes; the last two are JSON."""
        import pandas as pd

        rows = [
            (d.bar, path, _json(memo), _json(d.notes.get(path, {})))
            for d in self.decisions
            for path, memo in d.memos.items()
            if memo or path in d.notes
        ]
        bar = np.array([row[0] for row in rows], dtype=np.intp)
        frame = pd.DataFrame(
            [row[1:] for row in rows], columns=["component", "memo", "notes"], dtype=object
        )
        frame.insert(0, "time", self.bars.index[bar])
        return frame


def ledger_of(account: Account, decisions: tuple[Decision, ...], stages: tuple[str, ...]) -> Ledger:
    """Close an account and keep its record."""
    account.finish()
    return Ledger(
        bars=account.market.bars,
        nav=account.nav,
        cash=account.cash_history,
        holdings=tuple(account.holdings),
        fills=tuple(account.fills),
        cash_flows=tuple(account.cash_flows),
        decisions=decisions,
        stages=stages,
    )


def fills_table(bars: Bars, fills: tuple[FillRecord, ...]) -> pd.DataFrame:
    """Return decided_at, time, asset, asked, filled, price, commission, slippage, reason."""
    import pandas as pd

    def each(values: list[Any], dtype: Any = np.float64) -> Any:
        return np.concatenate(values) if values else np.zeros(0, dtype=dtype)

    decided = each([np.broadcast_to(f.decided, len(f.assets)) for f in fills], np.intp)
    bar = each([np.repeat(f.bar, len(f.assets)) for f in fills], np.intp)
    return pd.DataFrame(
        {
            "decided_at": _times(bars, decided),
            "time": _times(bars, bar),
            "asset": _names(bars, each([f.assets for f in fills], np.intp)),
            "asked": each([f.asked for f in fills]),
            "filled": each([f.filled for f in fills]),
            "price": each([f.price for f in fills]),
            "commission": each([f.commission for f in fills]),
            "slippage": each([f.slippage for f in fills]),
            "reason": each([f.reason for f in fills], object),
        }
    )


def _times(bars: Bars, rows: Any) -> pd.DatetimeIndex:
    """Return the times of rows of the bars; NaT for -1."""
    import pandas as pd

    times = np.where(rows >= 0, bars.times[rows], np.datetime64("NaT"))
    return pd.DatetimeIndex(times.astype(bars.times.dtype), tz="UTC")


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(dict(value), sort_keys=True)


def _names(bars: Bars, columns: Any) -> Any:
    # -1 is the cash, which has no name
    names = np.array((*bars.assets, ""), dtype=object)
    return names[columns]
