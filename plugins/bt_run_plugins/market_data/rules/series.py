"""What the rules look at: a symbol's rows as arrays, its moves beyond the market, and what is usual
for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bt_run import Array

if TYPE_CHECKING:
    import pandas as pd

WINDOW, FEWEST = 63, 20  # sessions before a row that say what is usual, and the fewest that do
SIGMA_FLOOR, SIGMA_UNKNOWN = 0.005, 0.04  # of a daily log return
SMALL_ACTION = 0.02  # ratio less 1
CROWD = 5  # symbols on a day that make a market
_PRICES = ("open", "high", "low", "close", "adj_close", "volume")

Dates = NDArray[np.datetime64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Series:
    """Hold the rows of one symbol, dates rising and closes above 0; arrays (n,), NaN where there is
    nothing.

    ``days`` (m,) are the dates, each once, of all rows that are there, those without a usable close
    included. ``dividend`` is cash per share, ``split`` new shares per old one; ``ratio`` is the
    split as far as prices show it: 1 where they are split-adjusted. A source with adj_close and
    neither dividends nor splits has ``actions`` False; by what adj_close and close differ is the
    ratio then. ``step`` is the log total return since the row before, ``market`` the median of all
    symbols that day (0 for fewer than five), ``move`` the one less the other, ``sigma`` the usual
    move. ``gap`` is the log of the open over the close before, ``turnover`` is close x volume as a
    multiple of ``usual_turnover``; ``span`` is log(high / low), beside ``usual_span`` and
    ``market_span``.
    """

    symbol: str
    prices: str | None
    daily: bool
    actions: bool
    days: Dates
    date: Dates
    open: Array
    high: Array
    low: Array
    close: Array
    adj_close: Array
    volume: Array
    dividend: Array
    split: Array
    ratio: Array
    before: Array
    step: Array
    market: Array
    move: Array
    sigma: Array
    gap: Array
    span: Array
    usual_span: Array
    market_span: Array
    turnover: Array
    usual_turnover: Array

    def __len__(self) -> int:
        return len(self.date)

    @property
    def sigmas(self) -> Array:
        """Return the moves in sigmas, (n,)."""
        return self.move / self.sigma

    @property
    def one_price(self) -> Mask:
        """Return the rows (n,) whose open, high, low and close are one price."""
        return np.asarray(
            (self.high == self.low) & (self.open == self.close) & (self.high == self.close)
        )

    @property
    def repeats(self) -> Mask:
        """Return the rows (n,) whose open, high, low and close are those of the row before."""
        out = np.zeros(len(self), dtype=bool)
        same = [field[1:] == field[:-1] for field in (self.open, self.high, self.low, self.close)]
        out[1:] = np.logical_and.reduce(same)
        return out


def measure(frames: Mapping[str, pd.DataFrame], prices: Mapping[str, str | None]) -> list[Series]:
    """Return the series of all symbols, in the order of their names.

    Rows that no return can be taken from (no date, no close above 0, an earlier row of the same
    date) are left out here: the schema's findings name them.
    """
    rows = {symbol: _arrays(frames[symbol], prices.get(symbol)) for symbol in sorted(frames)}
    steps = {symbol: _steps(columns) for symbol, columns in rows.items()}
    spans = {symbol: _log(columns["high"], columns["low"]) for symbol, columns in rows.items()}
    dates, market = _daily_median(rows, steps)
    _, market_span = _daily_median(rows, spans)
    out = []
    for symbol, columns in rows.items():
        at = np.searchsorted(dates, columns["date"])
        days = frames[symbol]["date"].to_numpy()
        columns["days"] = np.unique(days[~np.isnat(days)].astype("datetime64[D]"))
        out.append(
            _series(
                symbol,
                prices.get(symbol),
                columns,
                (steps[symbol], spans[symbol]),
                (market[at], market_span[at]),
            )
        )
    return out


def is_daily(dates: Dates) -> bool:
    """Tell whether rows stand for sessions: fewer than a fifth of the days have several."""
    days = dates.astype("datetime64[D]")
    return len(days) == 0 or len(np.unique(days)) > 0.8 * len(np.unique(dates))


def _arrays(frame: pd.DataFrame, prices: str | None) -> dict[str, NDArray[np.generic]]:
    """Return the usable rows as arrays, sorted; of rows with the same date, the last."""
    date = frame["date"].to_numpy().astype("datetime64[ns]")
    close = frame["close"].to_numpy(dtype=np.float64)
    usable = np.flatnonzero(~np.isnat(date) & (close > 0) & np.isfinite(close))
    order = usable[np.argsort(date[usable], kind="stable")]
    last = np.append(date[order][1:] != date[order][:-1], True)[: len(order)]
    order = order[last]
    out: dict[str, NDArray[np.generic]] = {"date": date[order]}
    for field in (*_PRICES, "dividend", "split"):
        known = field in frame.columns
        out[field] = (
            frame[field].to_numpy(dtype=np.float64)[order] if known else np.full(len(order), np.nan)
        )
    for field in ("open", "high", "low"):
        out[field] = np.where(np.asarray(out[field], dtype=np.float64) > 0, out[field], np.nan)
    out["dividend"] = np.nan_to_num(np.asarray(out["dividend"], dtype=np.float64))
    split = np.asarray(out["split"], dtype=np.float64)
    out["split"] = np.where(split > 0, split, 1.0)
    out["ratio"] = np.ones(len(order)) if prices == "split_adjusted" else out["split"]
    acts = bool({"dividend", "split"} & set(frame.columns))
    out["acts"] = np.array([acts])
    if not acts and np.isfinite(out["adj_close"]).any():
        factor = np.asarray(out["adj_close"], dtype=np.float64) / np.asarray(
            out["close"], dtype=np.float64
        )
        implied = np.ones(len(order))
        implied[1:] = factor[1:] / factor[:-1]
        # a change this small is a dividend or rounding, and explains no jump
        out["ratio"] = np.where(np.abs(implied - 1.0) > SMALL_ACTION, implied, 1.0)
    return out


def _steps(columns: Mapping[str, NDArray[np.generic]]) -> Array:
    """Return log total returns (n,), the dividend per new share: log((close + dividend) * ratio /
    close before).
    """
    close, dividend, ratio = (
        np.asarray(columns[field], dtype=np.float64) for field in ("close", "dividend", "ratio")
    )
    out = np.full(len(close), np.nan)
    out[1:] = np.log(np.maximum(close[1:] + dividend[1:], 1e-12) * ratio[1:] / close[:-1])
    return out


def _log(above: NDArray[np.generic], below: NDArray[np.generic]) -> Array:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(
            np.log(np.asarray(above, dtype=np.float64) / np.asarray(below, dtype=np.float64))
        )


def _daily_median(
    rows: Mapping[str, Mapping[str, NDArray[np.generic]]], values: Mapping[str, Array]
) -> tuple[Dates, Array]:
    """Return the dates of all symbols (t,), and the median of the values on each; 0 where few have
    one.
    """
    import pandas as pd

    if not rows:
        return np.zeros(0, dtype="datetime64[ns]"), np.zeros(0)
    flat = pd.Series(
        np.concatenate([values[symbol] for symbol in rows]),
        index=np.concatenate([rows[s]["date"] for s in rows]),
    )
    groups = flat.groupby(level=0)
    median = groups.median().where(groups.count() >= CROWD, 0.0)
    return median.index.to_numpy().astype("datetime64[ns]"), median.to_numpy(dtype=np.float64)


def _usual(values: Array) -> Array:
    """Return the median of the rows before each row (n,), NaN where there are too few."""
    import pandas as pd

    return (
        pd.Series(values)
        .rolling(WINDOW, min_periods=FEWEST)
        .median()
        .shift(1)
        .to_numpy(dtype=np.float64)
    )


def _series(
    symbol: str,
    prices: str | None,
    columns: Mapping[str, NDArray[np.generic]],
    own: tuple[Array, Array],
    market: tuple[Array, Array],
) -> Series:
    others = ("date", "days", "acts")
    fields = {
        field: np.asarray(values, dtype=np.float64)
        for field, values in columns.items()
        if field not in others
    }
    date = np.asarray(columns["date"], dtype="datetime64[ns]")
    close = fields["close"]
    before = np.append(np.nan, close[:-1])[: len(close)]
    step, span = own
    move = step - market[0]
    sigma = np.maximum(1.4826 * _usual(np.abs(move)), SIGMA_FLOOR)
    money = close * fields["volume"]
    usual = _usual(np.where(money > 0, money, np.nan))
    # a symbol's first rows have no past; what is usual for it later is the best there is
    whole = float(np.median(money[money > 0])) if (money > 0).any() else np.nan
    with np.errstate(invalid="ignore", divide="ignore"):
        return Series(
            symbol=symbol,
            prices=prices,
            daily=is_daily(date),
            actions=bool(columns["acts"][0]),
            days=np.asarray(columns["days"], dtype="datetime64[D]"),
            date=date,
            before=before,
            step=step,
            market=market[0],
            move=move,
            sigma=np.where(np.isnan(sigma), SIGMA_UNKNOWN, sigma),
            gap=np.log(fields["open"] * fields["ratio"] / before),
            span=span,
            usual_span=_usual(span),
            market_span=market[1],
            turnover=money / usual,
            usual_turnover=np.where(np.isnan(usual), whole, usual),
            **fields,
        )
