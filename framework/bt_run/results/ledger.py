"""What was decided, ordered, filled and held: the record that everything later reads."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bt_run.account.account import Account
from bt_run.account.performance import track_record
from bt_run.account.records import CashFlow, FillRecord
from bt_run.arrays import Array, Indices
from bt_run.data.bars import Bars
from bt_run.data.slices import until
from bt_run.decision.state import Decision

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Ledger", "costs_table", "fills_table", "ledger_of"]


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """The record of one account from ``bars.start`` on.

    Attributes:
        bars: those that were played.
        nav, cash: (T,) money, NaN before the start.
        holdings: (bar, shares (N,)) at each change of the shares.
        fills: a record for each basket of orders, arrays (n,) over its orders.
        cash_flows: dividends, interest and what else moved cash or shares without an order.
        decisions: one at each scheduled bar; the run file's ``ledger`` says which keep arrays.
        analyses: what Backtrader's analyzers found: name -> key -> value.
        flows: (T,) money from outside before each bar; None where there is none.
        memos_on_change: the table of memos has a row only where a memo changes.
        ruined: the account came to be worth nothing; that close is the last of the bars then.
    """

    bars: Bars
    nav: Array
    cash: Array
    holdings: tuple[tuple[int, Array], ...]
    fills: tuple[FillRecord, ...]
    cash_flows: tuple[CashFlow, ...] = ()
    decisions: tuple[Decision, ...] = ()
    analyses: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    ruined: bool = False
    memos_on_change: bool = False
    flows: Array | None = None

    def spans(self) -> list[tuple[slice, Array]]:
        """Return the runs of bars over which the shares (N,) did not change."""
        begins = [bar for bar, _ in self.holdings]
        ends = [*begins[1:], len(self.bars)]
        rows = [slice(begin, end) for begin, end in zip(begins, ends, strict=True)]
        return [
            (span, shares)
            for span, (_, shares) in zip(rows, self.holdings, strict=True)
        ]

    def exposure(self) -> tuple[Array, Array]:
        """Return gross and net exposure (T,), fractions of NAV."""
        gross = np.zeros(len(self.bars))
        net = np.zeros(len(self.bars))
        for rows, shares in self.spans():
            value = self.bars.mark[rows] * shares
            gross[rows] = np.abs(value).sum(axis=1)
            net[rows] = value.sum(axis=1)
        return gross / self.nav, net / self.nav

    def nav_table(self, baselines: Mapping[str, Array]) -> pd.DataFrame:
        """Return time (index), session, nav, cash, gross, net and the NAVs (T,) of the
        ``baselines`` by name.

        Where money came from outside, ``record`` is what the NAV would be without it, and so are
        the baselines'.
        """
        import pandas as pd

        index = self.bars.index.rename("time")
        gross, net = self.exposure()
        columns = {
            "session": pd.DatetimeIndex(self.bars.sessions, tz="UTC").as_unit(
                index.unit
            ),
            "nav": self.nav,
            "cash": self.cash,
            "gross": gross,
            "net": net,
            **baselines,
        }
        if self.flows is not None:
            rows = slice(self.bars.start, None)
            record = np.full(len(self.nav), np.nan)
            record[rows] = track_record(self.nav[rows], self.flows[rows])
            columns["record"] = record
        return pd.DataFrame(columns, index=index).iloc[self.bars.start :]

    def positions_table(self) -> pd.DataFrame:
        """Return time, asset, shares, price, value, stale, market_price, market_shares: a row for
        each asset held at each bar.
        """
        import pandas as pd

        parts = [self._held(rows, shares) for rows, shares in self.spans()]
        bar = np.concatenate([part.bar for part in parts])
        asset = np.concatenate([part.asset for part in parts])
        shares = np.concatenate([part.shares for part in parts])
        price = self.bars.mark[bar, asset]
        return pd.DataFrame(
            {
                "time": self.bars.index[bar],
                "asset": _names(self.bars, asset),
                "shares": shares,
                "price": price,
                "value": shares * price,
                "stale": ~self.bars.present[bar, asset],
                **_on_the_market(self.bars, bar, asset, shares, price),
            }
        )

    def cash_flows_table(self) -> pd.DataFrame:
        """Return time, asset, kind, amount, ratio (of splits; NaN for money)."""
        import pandas as pd

        flows = self.cash_flows
        bar = _rows([np.repeat(flow.bar, len(flow.assets)) for flow in flows], np.intp)
        asset = _rows([flow.assets for flow in flows], np.intp)
        kind = _rows([np.repeat(flow.kind, len(flow.assets)) for flow in flows], object)
        ratio = [
            np.nan * flow.amount if flow.ratio is None else flow.ratio for flow in flows
        ]
        return pd.DataFrame(
            {
                "time": self.bars.index[bar],
                "asset": _names(self.bars, asset),
                "kind": kind.astype(object),
                "amount": _rows([flow.amount for flow in flows]),
                "ratio": _rows(ratio),
            }
        )

    def decisions_table(self) -> pd.DataFrame:
        """Return a row for each decision and asset; of a decision whose rows are left out, one
        without an asset.

        The columns are time, asset, signal, one for each weighing stage, target, cut (the limits
        that cut the weights), drifted, fired, reason.
        """
        import pandas as pd

        decisions = self.decisions
        every = np.arange(len(self.bars.assets))
        asset = [np.array([-1]) if one.left_out else every for one in decisions]
        count = [len(part) for part in asset]
        bar = np.array([decision.bar for decision in decisions], dtype=np.intp)
        cut = np.array(
            [", ".join(decision.cut) for decision in decisions], dtype=object
        )
        signal = [decision.signal for decision in decisions]
        target = [decision.target for decision in decisions]
        drifted = [decision.drifted for decision in decisions]
        traded = [decision.traded for decision in decisions]
        reason = [decision.reason for decision in decisions]
        columns = {
            "time": self.bars.index[np.repeat(bar, count)],
            "asset": _names(self.bars, _rows(asset, np.intp)),
            "signal": _rows(signal),
            **self._stage_columns(),
            "target": _rows(target),
            "cut": np.repeat(cut, count),
            "drifted": _rows(drifted),
            "fired": _rows(traded, np.bool_),
            "reason": _rows(reason, object),
        }
        return pd.DataFrame(columns)

    def _stage_columns(self) -> dict[str, Any]:
        """Return the weights after each stage, a column for each; NaN where a decision had no such
        stage, since another pipeline took it.
        """
        named = [
            dict(zip(decision.stage_names, decision.stages, strict=True))
            for decision in self.decisions
        ]
        names = dict.fromkeys(name for stages in named for name in stages)
        missing = [np.full(len(one.signal), np.nan) for one in self.decisions]
        columns = {}
        for name in names:
            found = zip(named, missing, strict=True)
            columns[name] = _rows([own.get(name, nothing) for own, nothing in found])
        return columns

    def memos_table(self) -> pd.DataFrame:
        """Return time, component, memo, notes; the last two are JSON."""
        import pandas as pd

        bars: list[int] = []
        rows: list[tuple[str, str, str]] = []
        last: dict[str, Mapping[str, Any]] = {}
        encode = json.JSONEncoder(sort_keys=True).encode
        for decision in self.decisions:
            for path, memo in decision.memos.items():
                kept = memo != last.get(path, {}) if self.memos_on_change else memo
                last[path] = memo
                if kept or path in decision.notes:
                    bars.append(decision.bar)
                    notes = decision.notes.get(path, {})
                    rows.append((path, encode(dict(memo)), encode(dict(notes))))
        frame = pd.DataFrame(rows, columns=["component", "memo", "notes"], dtype=object)
        frame.insert(0, "time", self.bars.index[np.array(bars, dtype=np.intp)])
        return frame

    def _held(self, rows: slice, shares: Array) -> _Held:
        held = np.flatnonzero(shares)
        bars = np.arange(rows.start, rows.stop)
        return _Held(
            bar=np.repeat(bars, len(held)),
            asset=np.tile(held, len(bars)),
            shares=np.tile(shares[held], len(bars)),
        )


@dataclass(frozen=True)
class _Held:
    """What is held over some bars: a bar, an asset and its shares in each row."""

    bar: Indices
    asset: Indices
    shares: Array


def ledger_of(
    account: Account,
    decisions: tuple[Decision, ...],
    *,
    memos_on_change: bool = False,
) -> Ledger:
    """Close an account and keep its record; of a ruined one to the bar of its ruin."""
    account.finish()
    bars, flows = account.market.bars, account.market.flows
    if account.ruined is not None:
        bars = until(bars, account.ruined)
    return Ledger(
        bars=bars,
        nav=account.nav[: len(bars)],
        cash=account.cash_history[: len(bars)],
        holdings=tuple(account.holdings),
        fills=tuple(account.fills),
        cash_flows=tuple(account.cash_flows),
        decisions=decisions,
        ruined=account.ruined is not None,
        memos_on_change=memos_on_change,
        flows=None if flows is None else flows[: len(bars)],
    )


def fills_table(bars: Bars, fills: tuple[FillRecord, ...]) -> pd.DataFrame:
    """Return a row for each order and forced closing.

    The columns are decided_at, time, asset, asked, filled, price, market_price, market_shares,
    commission, slippage, reason.
    """
    import pandas as pd

    decided = [np.broadcast_to(record.decided, len(record.assets)) for record in fills]
    at = [np.repeat(record.bar, len(record.assets)) for record in fills]
    bar = _rows(at, np.intp)
    asset = _rows([record.assets for record in fills], np.intp)
    filled = _rows([record.filled for record in fills])
    price = _rows([record.price for record in fills])
    return pd.DataFrame(
        {
            "decided_at": _times(bars, _rows(decided, np.intp)),
            "time": _times(bars, bar),
            "asset": _names(bars, asset),
            "asked": _rows([record.asked for record in fills]),
            "filled": filled,
            "price": price,
            **_on_the_market(bars, bar, asset, filled, price),
            "commission": _rows([record.commission for record in fills]),
            "slippage": _rows([record.slippage for record in fills]),
            "reason": _rows([record.reason for record in fills], object),
        }
    )


def costs_table(bars: Bars, fills: tuple[FillRecord, ...]) -> pd.DataFrame:
    """Return of each order and forced closing what metrics need: time, filled, price, commission,
    slippage.
    """
    import pandas as pd

    at = [np.repeat(record.bar, len(record.assets)) for record in fills]
    return pd.DataFrame(
        {
            "time": _times(bars, _rows(at, np.intp)),
            "filled": _rows([record.filled for record in fills]),
            "price": _rows([record.price for record in fills]),
            "commission": _rows([record.commission for record in fills]),
            "slippage": _rows([record.slippage for record in fills]),
        }
    )


def _on_the_market(
    bars: Bars, bar: Indices, asset: Indices, shares: Array, price: Array
) -> dict[str, Array]:
    """Return market_price and market_shares (n,): what a chart and a broker would show of units.

    NaN where the source knows no splits.
    """
    of_one = np.ones(len(shares))
    if bars.market_shares is not None:
        of_one = bars.market_shares[bar, asset]
    return {"market_price": price / of_one, "market_shares": shares * of_one}


def _rows(parts: Sequence[Any], kind: Any = np.float64) -> NDArray[Any]:
    """Return parts of a column one below the other; without any, an empty column of ``kind``."""
    return np.concatenate(parts) if parts else np.zeros(0, dtype=kind)


def _times(bars: Bars, rows: Indices) -> pd.DatetimeIndex:
    """Return the times of rows of the bars; NaT for -1."""
    import pandas as pd

    times = np.where(rows >= 0, bars.times[rows], np.datetime64("NaT"))
    return pd.DatetimeIndex(times.astype(bars.times.dtype), tz="UTC")


def _names(bars: Bars, columns: Indices) -> Any:
    """Return the names of assets (n,) as the type that pandas has for text."""
    import pandas as pd

    if not len(columns):
        return np.zeros(0, dtype=object)
    # -1 is the cash, which has no name. Of N + 1 names the type is found, not of every row
    return pd.Series([*bars.assets, ""]).array.take(columns)
