"""A second set of runs that do not look ahead, written without sight of the check: code that looks
guilty.
"""

import backtrader as bt
import numpy as np
import pandas as pd
from scipy import signal as dsp

from bt_run import Component, Config, Proposal, Verdict, hookimpl

KNOWN = {}  # a "feature store"; each row of it knows that row's past only


class NoConfig(Config):
    """Needs no settings."""


def closes(bars):
    return pd.DataFrame(
        bars.close, index=bars.index.tz_localize(None), columns=bars.assets
    )


def long_where(bars, condition):
    return np.where(bars.tradable, np.asarray(condition, dtype=float), np.nan)


def vectorised(function):
    """Make a strategy class of ``function(bars) -> (T, N)``."""

    class Made:
        def __init__(self, config, context):
            pass

        def signals(self, bars):
            return function(bars)

    return Made


def pivots_confirmed(bars):
    """Find swing points with a window that looks ahead, and use each once its window has passed."""
    state = np.full(bars.close.shape, np.nan)
    for column in range(len(bars.assets)):
        own = pd.Series(bars.close[:, column]).ffill()
        middle = own.shift(5)
        window = own.rolling(11)
        state[(middle == window.min()).to_numpy(), column] = 1.0
        state[(middle == window.max()).to_numpy(), column] = 0.0
    return long_where(bars, pd.DataFrame(state).ffill().fillna(0.0))


def window_from_its_end(bars):
    """Index each trailing window from its end."""
    rise = (
        closes(bars)
        .rolling(21, min_periods=2)
        .apply(lambda window: window[-1] / window[0] - 1, raw=True)
    )
    return long_where(bars, rise > 0)


def walk_forward(bars):
    """Refit each 21 bars on labels shifted by -1, of which only those known by then are used."""
    returns = closes(bars).pct_change(fill_method=None)
    x = np.stack([returns.rolling(n).mean().to_numpy() for n in (2, 5, 21)], axis=-1)
    y = returns.shift(-1).to_numpy()
    out = np.zeros(bars.close.shape)
    for first in range(42, len(bars) + 1, 21):
        past_x, past_y = x[: first - 1].reshape(-1, 3), y[: first - 1].ravel()
        good = np.isfinite(past_x).all(axis=1) & np.isfinite(past_y)
        beta = np.linalg.lstsq(past_x[good], past_y[good], rcond=None)[0]
        rows = slice(first - 1, first + 20)
        out[rows] = np.nan_to_num(x[rows] @ beta) > 0
    return long_where(bars, out)


def month_end_backward(bars):
    """Join the months' last closes, labelled by the month's last day, backward to the days."""
    close = closes(bars)
    monthly = close.resample("ME").last().pct_change(fill_method=None)
    days = pd.DataFrame({"day": close.index})
    joined = pd.merge_asof(
        days, monthly.rename_axis("day").reset_index(), on="day", direction="backward"
    )
    return long_where(bars, joined[list(bars.assets)].to_numpy() > 0)


def month_so_far(bars):
    """Transform by month, with an expanding window inside each."""
    close = closes(bars)
    so_far = close.groupby(close.index.to_period("M")).transform(
        lambda part: part.expanding().mean()
    )
    return long_where(bars, close >= so_far)


def interpolated_own_gaps(bars):
    """Interpolate an asset's own gaps, whose days do not trade, and average over them later."""
    close = closes(bars)
    filled = close.interpolate(limit_area="inside")
    return long_where(bars, close > filled.rolling(12, min_periods=1).mean())


def normalised_on_warm_up(bars):
    """Standardise by the warm-up, all of which is past when the run starts."""
    close = np.log(bars.close)
    train = close[: bars.start]
    mean, deviation = np.nanmean(train[:, :3]), np.nanstd(train[:, :3])
    return np.where(
        bars.tradable, np.clip(0.5 - 0.1 * (close - mean) / deviation, 0.0, 1.0), np.nan
    )


def bfill_masked(bars):
    """Fill the warm-up backwards, then cut it out again."""
    close = closes(bars)
    mean = close.rolling(30, min_periods=30).mean()
    known = mean.notna()
    return np.where(bars.tradable & known, close > mean.bfill(), np.nan)


def label_moved_back(bars):
    """Make forward returns, then move them back past their own horizon."""
    forward = closes(bars).pct_change(5, fill_method=None).shift(-5)
    return long_where(bars, forward.shift(6).rolling(20, min_periods=1).mean() > 0)


def rebased_to_last(bars):
    """Rebase to the last close; the base cancels out of every return."""
    close = closes(bars)
    rebased = 100 * close / close.ffill().iloc[-1]
    return long_where(bars, rebased.pct_change(20, fill_method=None) > 0.01)


def seeded_noise(bars):
    """Draw from a seeded generator, a row a bar."""
    return np.where(
        bars.tradable, np.random.default_rng(5).uniform(size=bars.close.shape), np.nan
    )


def forward_filter(bars):
    """Smooth with lfilter, which runs forth only."""
    b, a = dsp.butter(2, 0.1)
    returns = np.nan_to_num(bars.returns)
    return long_where(bars, dsp.lfilter(b, a, returns, axis=0) > 0)


def known_dates(bars):
    """Know history by heart: the dates are in the code, not in the data."""
    days = bars.sessions
    bad = (days >= np.datetime64("2001-09-10")) & (days <= np.datetime64("2001-10-15"))
    return long_where(bars, np.repeat(~bad[:, None], len(bars.assets), axis=1))


def senkou(bars):
    """Use the leading span of Ichimoku: drawn 26 bars ahead, known 26 bars ago."""
    close = closes(bars)
    middle = (
        close.rolling(26, min_periods=1).max() + close.rolling(26, min_periods=1).min()
    ) / 2
    return long_where(bars, close > middle.shift(26).fillna(middle))


def reversed_twice(bars):
    """Turn the rows round, let the window look ahead there, and turn back."""
    close = closes(bars)[::-1]
    mean = close.rolling(
        window=pd.api.indexers.FixedForwardWindowIndexer(window_size=10), min_periods=1
    ).mean()
    return long_where(bars, (close > mean)[::-1])


def expanding_component(bars):
    """Take the first principal component again each quarter, from what was known then."""
    returns = np.nan_to_num(bars.returns)
    out = np.zeros(returns.shape)
    for first in range(21, len(bars), 63):
        _, _, rows = np.linalg.svd(returns[:first], full_matrices=False)
        out[first : first + 63] = returns[first : first + 63] - np.outer(
            returns[first : first + 63] @ rows[0], rows[0]
        )
    return long_where(bars, pd.DataFrame(out).rolling(5, min_periods=1).sum() < 0)


def everything(bars):
    """Hold all, and store a trailing volatility, a row a bar."""
    KNOWN["volatility"] = (
        pd.DataFrame(bars.returns).rolling(20, min_periods=5).std().to_numpy()
    )
    return np.where(bars.tradable, 1.0, np.nan)


class LastOfAll:
    """Ask for a million rows and take the last."""

    def __init__(self, config, context):
        pass

    def signal(self, state):
        close = state.history.close(1_000_000, asset_bars=True)
        return np.where(
            state.history.tradable, close[-1] > close[-min(len(close), 15)], np.nan
        )


class StoredRow:
    """Read the row of now from the feature store."""

    def __init__(self, config, context):
        pass

    def adjust(self, state, weights):
        volatility = KNOWN["volatility"][len(state.history) - 1]
        return weights * np.clip(0.01 / np.nan_to_num(volatility, nan=0.02), 0.0, 1.0)


class MonthEnd:
    """Fire on the last weekday of the month, which the calendar knows beforehand."""

    def __init__(self, config, context):
        pass

    def check(self, state, target):
        now = state.history.now
        return Verdict(
            fire=(now + pd.offsets.BDay(1)).month != now.month
            or state.last_trade is None
        )


class FromBestDay:
    """Scale by how far NAV stands below its best, and remember the best in the memo."""

    def __init__(self, config, context):
        pass

    def target_weights(self, state):
        best = max(state.memo.get("best", 0.0), state.nav)
        held = np.nan_to_num(state.signals)
        return Proposal(
            held / max(held.sum(), 1.0) * (state.nav / best) ** 2, memo={"best": best}
        )


class Chandelier:
    """Stop below the best close since the entry, target above the entry."""

    def __init__(self, config, context):
        pass

    def levels(self, holdings):
        return 0.93 * holdings.best, 1.25 * holdings.entry


class ArrayUpToNow(bt.Strategy):
    """Slice the preloaded array up to the present bar."""

    def next(self):
        for data in self.datas:
            known = np.array(data.close.array[: len(data)])
            self.order_target_percent(
                data, target=0.1 if known[-1] > known[-20:].mean() else 0.0
            )


class NegativeIndices(bt.Strategy):
    """Use negative indices and delays, which in Backtrader are the past."""

    def __init__(self):
        self.before = {data: data.close(-3) for data in self.datas}

    def next(self):
        for data in self.datas:
            rises = (
                data.close[0] > data.close[-1] and data.close[0] > self.before[data][0]
            )
            self.order_target_percent(data, target=0.1 if rises else 0.0)


FUNCTIONS = (
    pivots_confirmed,
    window_from_its_end,
    walk_forward,
    month_end_backward,
    month_so_far,
    interpolated_own_gaps,
    normalised_on_warm_up,
    bfill_masked,
    label_moved_back,
    rebased_to_last,
    seeded_noise,
    forward_filter,
    known_dates,
    senkou,
    reversed_twice,
    expanding_component,
)


def component(name, build):
    return Component(name=name, config=NoConfig, build=build, summary=name)


@hookimpl
def bt_strategies():
    made = [
        component(function.__name__, vectorised(function))
        for function in (*FUNCTIONS, everything)
    ]
    return [
        *made,
        component("last_of_all", LastOfAll),
        Component.from_backtrader(ArrayUpToNow),
        Component.from_backtrader(NegativeIndices),
    ]


@hookimpl
def bt_sizers():
    return [component("from_best_day", FromBestDay)]


@hookimpl
def bt_overlays():
    return [component("stored_row", StoredRow)]


@hookimpl
def bt_triggers():
    return [component("month_end", MonthEnd)]


@hookimpl
def bt_exits():
    return [component("chandelier", Chandelier)]


CLEAN = {
    function.__name__: {"strategy": function.__name__} for function in FUNCTIONS
} | {
    "last_of_all": {"strategy": "last_of_all"},
    "stored_row": {"strategy": "everything", "overlays": ["stored_row"]},
    "month_end": {"strategy": "last_of_all", "triggers": ["month_end"]},
    "from_best_day": {"strategy": "everything", "sizer": "from_best_day"},
    "chandelier": {"strategy": "last_of_all", "exits": ["chandelier"]},
    "array_up_to_now": {"strategy": "ArrayUpToNow", "sizer": None},
    "negative_indices": {"strategy": "NegativeIndices", "sizer": None},
}
