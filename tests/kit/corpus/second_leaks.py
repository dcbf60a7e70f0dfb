"""A second set of runs that look ahead, written without sight of the check: mistakes as users make
them.
"""

import backtrader as bt
import numpy as np
import pandas as pd
from scipy import signal as dsp

from bt_run import Component, Config, Verdict, hookimpl

KNOWN = {}  # a "feature store", as notebooks have them: filled once, read by everybody


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


def month_nearest(bars):
    """Join month-end momentum to the days by the nearest month end, which is often the next one."""
    close = closes(bars)
    monthly = (
        close.groupby(close.index.to_period("M")).tail(1).pct_change(fill_method=None)
    )
    days = pd.DataFrame({"day": close.index})
    joined = pd.merge_asof(
        days, monthly.rename_axis("day").reset_index(), on="day", direction="nearest"
    )
    return long_where(bars, joined[list(bars.assets)].to_numpy() > 0)


def month_label_left(bars):
    """Resample to months labelled by their first day, and carry forward: July sees the last close
    of July.
    """
    close = closes(bars)
    rises = close.resample("MS").last().pct_change(fill_method=None) > 0
    return long_where(bars, rises.reindex(close.index, method="ffill"))


def month_mean(bars):
    """Compare each close with the mean of its month, days to come included."""
    close = closes(bars)
    return long_where(
        bars, close < close.groupby(close.index.to_period("M")).transform("mean")
    )


def zero_phase(bars):
    """Smooth with filtfilt, which runs over the data forth and back."""
    b, a = dsp.butter(2, 0.1)
    smooth = dsp.filtfilt(b, a, np.log(closes(bars).ffill().bfill().to_numpy()), axis=0)
    return long_where(bars, np.gradient(smooth, axis=0) > 0)


def survivors(bars):
    """Keep the columns that are still there on the last row."""
    close = closes(bars)
    alive = close.iloc[-1].notna().to_numpy()
    return long_where(bars, (close > close.rolling(20, min_periods=1).mean()) & alive)


def shuffled_split(bars):
    """Fit next-day returns on a random two thirds of all rows, as train_test_split does by
    default.
    """
    returns = closes(bars).pct_change(fill_method=None)
    features = np.stack(
        [returns.rolling(n).mean().to_numpy() for n in (2, 5, 21)], axis=-1
    )
    label = returns.shift(-1).to_numpy()
    x, y = features.reshape(-1, 3), label.ravel()
    good = np.flatnonzero(np.isfinite(x).all(axis=1) & np.isfinite(y))
    train = np.random.default_rng(3).permutation(good)[: len(good) * 2 // 3]
    beta = np.linalg.lstsq(x[train], y[train], rcond=None)[0]
    return long_where(bars, np.nan_to_num(features @ beta) > 0)


def weekday_encoding(bars):
    """Encode the weekday by its mean next-day return over all the data."""
    close = closes(bars)
    forward = close.pct_change(fill_method=None).shift(-1).mean(axis=1)
    encoded = forward.groupby(close.index.dayofweek).transform("mean")
    return long_where(
        bars, np.repeat(encoded.to_numpy()[:, None] > 0.0, len(bars.assets), axis=1)
    )


def best_window(bars):
    """Trade the moving average that earned most over the whole sample, for each asset."""
    close = closes(bars)
    returns = close.pct_change(fill_method=None)
    rules = [(close > close.rolling(n).mean()).astype(float) for n in (5, 10, 20, 40)]
    earned = np.array([(rule.shift() * returns).sum().to_numpy() for rule in rules])
    best = earned.argmax(axis=0)
    return long_where(
        bars,
        np.stack([rule.to_numpy() for rule in rules])[best, :, np.arange(len(best))].T,
    )


def newest_first(bars):
    """Take an average over rows that the vendor sorted newest first."""
    close = closes(bars).sort_index(ascending=False)
    return long_where(
        bars, (close > close.rolling(10, min_periods=1).mean()).sort_index()
    )


def rolling_across_assets(bars):
    """Roll over a stacked frame without groupby: an asset's first rows use the last rows of the one
    before.
    """
    close = closes(bars)
    stacked = close.melt(
        ignore_index=False, var_name="asset", value_name="close"
    ).dropna()
    stacked["mean"] = stacked["close"].rolling(60, min_periods=1).mean()
    mean = stacked.pivot(columns="asset", values="mean").reindex(
        index=close.index, columns=close.columns
    )
    return long_where(bars, close > mean)


def interpolated_index(bars):
    """Weigh against an index of all assets whose gaps were interpolated, so a gap's day knows the
    day after.
    """
    close = closes(bars)
    ratio = close.div(close.interpolate().mean(axis=1), axis=0)
    return np.where(
        bars.tradable,
        np.clip(ratio - ratio.rolling(10, min_periods=1).min(), 0.0, 1.0),
        np.nan,
    )


def bfill_warm_up(bars):
    """Fill the warm-up of an indicator backwards; an asset listed later is tradable in its
    warm-up.
    """
    close = closes(bars)
    return long_where(bars, close > close.rolling(40).mean().bfill())


def liquid_universe(bars):
    """Choose the three most liquid assets by turnover over all the data."""
    turnover = np.nanmean(bars.close * bars.volume, axis=0)
    chosen = turnover >= np.sort(turnover)[-3]
    close = closes(bars)
    return long_where(bars, (close > close.rolling(15, min_periods=1).mean()) & chosen)


def smoothed_regime(bars):
    """Call regimes with a two-state filter, then smooth backwards over the whole sample
    (forward-backward).
    """
    market = np.nan_to_num(
        np.nanmean(np.vstack([np.zeros(len(bars.assets)), bars.returns[1:]]), axis=1)
    )
    likelihood = np.stack(
        [np.exp(-0.5 * (market / s) ** 2) / s for s in (0.006, 0.014)], axis=1
    )
    move = np.array([[0.97, 0.03], [0.03, 0.97]])
    forth, back = np.zeros_like(likelihood), np.ones_like(likelihood)
    forth[0] = likelihood[0] / likelihood[0].sum()
    for t in range(1, len(market)):
        forth[t] = (forth[t - 1] @ move) * likelihood[t]
        forth[t] /= forth[t].sum()
    for t in range(len(market) - 2, -1, -1):
        back[t] = move @ (likelihood[t + 1] * back[t + 1])
        back[t] /= back[t].sum()
    calm = (forth * back)[:, 0] / (forth * back).sum(axis=1)
    return np.where(bars.tradable, calm[:, None], np.nan)


def pivots(bars):
    """Buy at swing lows where they lie, though one is known only five bars later."""
    low = closes(bars).ffill().bfill().to_numpy()
    state = np.full(low.shape, np.nan)
    for column in range(low.shape[1]):
        state[dsp.argrelmin(low[:, column], order=5)[0], column] = 1.0
        state[dsp.argrelmax(low[:, column], order=5)[0], column] = 0.0
    return long_where(bars, pd.DataFrame(state).ffill().fillna(0.0))


def chikou(bars):
    """Use the lagging span of Ichimoku as a column of the same row."""
    close = closes(bars)
    span = close.shift(-26)
    return long_where(bars, span > close)


def whole_range(bars):
    """Place today's close in the range of the frame: the stochastic without its window."""
    close = closes(bars)
    place = (close - close.min()) / (close.max() - close.min())
    return np.where(bars.tradable, 1.0 - place, np.nan)


def principal_component(bars):
    """Trade residuals from the first principal component of all returns."""
    returns = np.nan_to_num(bars.returns)
    _, _, rows = np.linalg.svd(returns - returns.mean(axis=0), full_matrices=False)
    residual = returns - np.outer(returns @ rows[0], rows[0])
    return long_where(bars, pd.DataFrame(residual).rolling(5, min_periods=1).sum() < 0)


def everything(bars):
    """Hold all, and put facts about the data into the feature store on the way."""
    KNOWN["volatility"] = np.nanstd(bars.returns, axis=0)
    KNOWN["crash"] = (
        pd.Series(np.nanmean(np.nan_to_num(bars.returns), axis=1))
        .shift(-1)
        .lt(-0.01)
        .to_numpy()
    )
    KNOWN["floor"] = np.nanmin(bars.traded.close, axis=0)
    KNOWN["stormy"] = pd.Series(
        np.abs(np.nan_to_num(bars.returns)).mean(axis=1)
    ).rolling(5, center=True, min_periods=1)
    KNOWN["stormy"] = (KNOWN["stormy"].mean() > 0.0135).to_numpy()
    return np.where(bars.tradable, 1.0, np.nan)


class PrivateBars:
    """Look the next return up behind the history's back."""

    def __init__(self, config, context):
        pass

    def signal(self, state):
        returns = state.history._bars.returns
        at = min(len(state.history), len(returns) - 1)
        return np.where(state.history.tradable, np.nan_to_num(returns[at]) > 0, np.nan)


class StoredVolatility:
    """Size by the volatility of the whole sample, from the feature store."""

    def __init__(self, config, context):
        pass

    def target_weights(self, state):
        inverse = np.where(np.isnan(state.signals), 0.0, 1.0 / KNOWN["volatility"])
        return np.nan_to_num(state.signals) * inverse / max(inverse.sum(), 1e-12)


class CalmOnly:
    """Cut the weights in storms, measured by a centred window."""

    def __init__(self, config, context):
        pass

    def adjust(self, state, weights):
        return weights * (0.3 if KNOWN["stormy"][len(state.history) - 1] else 1.0)


class NotBeforeCrashes:
    """Veto trades on the eve of a bad day."""

    def __init__(self, config, context):
        pass

    def check(self, state, target):
        eve = bool(KNOWN["crash"][len(state.history) - 1])
        return Verdict(fire=True, veto=eve, reason="eve of a bad day" if eve else "")


class StopAboveTheFloor:
    """Stop a tenth above the lowest price that the asset will ever have."""

    def __init__(self, config, context):
        pass

    def levels(self, holdings):
        none = np.full(len(holdings.side), np.nan)
        return np.where(holdings.side > 0, 1.1 * KNOWN["floor"], np.nan), none


class PeekNext(bt.Strategy):
    """Read index 1, which in Backtrader is tomorrow."""

    def next(self):
        for data in self.datas:
            try:
                rises = data.close[1] > data.close[0]
            except IndexError:
                rises = False
            self.order_target_percent(data, target=0.1 if rises else 0.0)


class ArrayMean(bt.Strategy):
    """Take the mean of the preloaded line as a fair value."""

    def __init__(self):
        self.fair = {
            data: float(np.nanmean(np.array(data.close.array))) for data in self.datas
        }

    def next(self):
        for data in self.datas:
            self.order_target_percent(
                data, target=0.1 if data.close[0] < self.fair[data] else 0.0
            )


class PositiveDelay(bt.Strategy):
    """Delay a line by +3, which moves it the wrong way."""

    def __init__(self):
        self.later = {data: data.close(3) for data in self.datas}

    def next(self):
        for data in self.datas:
            self.order_target_percent(
                data, target=0.1 if self.later[data][0] > data.close[0] else 0.0
            )


FUNCTIONS = (
    month_nearest,
    month_label_left,
    month_mean,
    zero_phase,
    survivors,
    shuffled_split,
    weekday_encoding,
    best_window,
    newest_first,
    rolling_across_assets,
    interpolated_index,
    bfill_warm_up,
    liquid_universe,
    smoothed_regime,
    pivots,
    chikou,
    whole_range,
    principal_component,
)


def component(name, build):
    return Component(name=name, config=NoConfig, build=build, summary=name)


@hookimpl
def bt_strategies():
    made = [
        component(function.__name__, vectorised(function))
        for function in (*FUNCTIONS, everything)
    ]
    classic = [
        Component.from_backtrader(cls) for cls in (PeekNext, ArrayMean, PositiveDelay)
    ]
    return [*made, component("private_bars", PrivateBars), *classic]


@hookimpl
def bt_sizers():
    return [component("stored_volatility", StoredVolatility)]


@hookimpl
def bt_overlays():
    return [component("calm_only", CalmOnly)]


@hookimpl
def bt_triggers():
    return [component("not_before_crashes", NotBeforeCrashes)]


@hookimpl
def bt_exits():
    return [component("stop_above_the_floor", StopAboveTheFloor)]


LEAKS = {
    function.__name__: {"strategy": function.__name__} for function in FUNCTIONS
} | {
    "private_bars": {"strategy": "private_bars"},
    "stored_volatility": {"strategy": "everything", "sizer": "stored_volatility"},
    "calm_only": {"strategy": "everything", "overlays": ["calm_only"]},
    "not_before_crashes": {
        "strategy": "everything",
        "triggers": ["not_before_crashes"],
    },
    "stop_above_the_floor": {
        "strategy": "everything",
        "exits": ["stop_above_the_floor"],
    },
    "peek_next": {"strategy": "PeekNext", "sizer": None},
    "array_mean": {"strategy": "ArrayMean", "sizer": None},
    "positive_delay": {"strategy": "PositiveDelay", "sizer": None},
}
