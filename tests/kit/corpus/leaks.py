"""Planted leaks: strategies, sizers, overlays, triggers and a source, each of which uses data of
the future.

`LEAKS` maps a leak's name to the parts of the run that plants it. They are older than the check.
"""

import functools

import backtrader as bt
import numpy as np
import pandas as pd

from bt_run import BuildContext, Component, Config, Verdict, hookimpl

LEAKS = {}
STRATEGIES, SIZERS, OVERLAYS, TRIGGERS = [], [], [], []


class Empty(Config):
    pass


def closes(bars):
    return pd.DataFrame(np.array(bars.close), index=bars.index)


def long_where(bars, good):
    return np.where(bars.tradable, np.nan_to_num(np.asarray(good, dtype=float)), np.nan)


def leak(signals):
    """Offer a function of the bars as a vectorised strategy."""

    class Planted:
        def __init__(self, config, context: BuildContext):
            pass

        def signals(self, bars):
            return signals(bars)

    STRATEGIES.append(
        Component(
            name=signals.__name__,
            config=Empty,
            build=Planted,
            summary=signals.__doc__ or signals.__name__,
        )
    )
    LEAKS[signals.__name__] = {"strategy": signals.__name__}
    return signals


@leak
def negative_shift(bars):
    """Tomorrow's close, shifted back by one."""
    close = closes(bars)
    return long_where(bars, close.shift(-1) > close)


@leak
def off_by_one_return(bars):
    """A return that is labelled with the day before it."""
    returns = np.vstack([bars.returns[1:], np.full((1, len(bars.assets)), np.nan)])
    return long_where(bars, returns > 0.01)


@leak
def rolled_array(bars):
    """np.roll in the wrong direction."""
    return long_where(bars, np.roll(bars.close, -5, axis=0) > bars.close)


@leak
def centred_average(bars):
    """A rolling mean whose window is centred."""
    close = closes(bars)
    return long_where(
        bars, close > close.rolling(21, center=True, min_periods=5).mean()
    )


@leak
def convolution_same(bars):
    """np.convolve with mode 'same' is centred."""
    close = np.nan_to_num(bars.close, nan=40.0)
    smooth = np.column_stack(
        [np.convolve(column, np.ones(11) / 11, mode="same") for column in close.T]
    )
    return long_where(bars, close > smooth)


@leak
def full_sample_z_score(bars):
    """Scaled by mean and standard deviation of the whole sample."""
    close = closes(bars)
    return long_where(bars, (close - close.mean()) / close.std() < -0.5)


@leak
def full_sample_min_max(bars):
    """Scaled to [0, 1] by the extremes of the whole sample."""
    close = closes(bars)
    return np.where(
        bars.tradable, (close - close.min()) / (close.max() - close.min()), np.nan
    )


@leak
def full_sample_quantile(bars):
    """A threshold that is a quantile of all volatilities, later ones too."""
    volatility = (
        closes(bars).pct_change(fill_method=None).rolling(20, min_periods=10).std()
    )
    return long_where(bars, volatility < volatility.quantile(0.3))


@leak
def backward_fill(bars):
    """Gaps filled with the next price, before the average price of all assets is taken."""
    market = closes(bars).bfill().mean(axis=1)
    return long_where(
        bars,
        np.repeat(
            (market > market.shift(3)).to_numpy()[:, None], len(bars.assets), axis=1
        ),
    )


@leak
def interpolated_gaps(bars):
    """Gaps filled by a line between the price before and the price after."""
    close = closes(bars).interpolate(limit_area="inside")
    relative = close.mean(axis=1) / close.mean(axis=1).rolling(5, min_periods=2).mean()
    return np.where(
        bars.tradable, np.clip(relative.to_numpy() - 0.5, 0, 1)[:, None], np.nan
    )


@leak
def week_labelled_left(bars):
    """Weekly closes that carry the date of the week's first day."""
    close = closes(bars)
    weekly = close.resample("W-MON", label="left", closed="left").last()
    change = weekly.pct_change(fill_method=None).reindex(close.index, method="ffill")
    return long_where(bars, change > 0)


@leak
def month_of_the_row(bars):
    """Each day is told the return of its whole month."""
    close = closes(bars)
    month = close.groupby([close.index.year, close.index.month])
    return long_where(bars, month.transform("last") > month.transform("first"))


@leak
def trend_fitted_on_all(bars):
    """A trend line fitted to all prices."""
    close = np.nan_to_num(bars.close, nan=40.0)
    x = np.arange(len(bars), dtype=float)
    fits = [np.polyval(np.polyfit(x, column, 2), x) for column in close.T]
    return long_where(bars, close < np.column_stack(fits))


@leak
def components_of_all_returns(bars):
    """Principal components of all returns."""
    returns = np.nan_to_num(bars.returns)
    _, _, axes = np.linalg.svd(returns - returns.mean(axis=0), full_matrices=False)
    factor = returns @ axes[0] * np.sign(axes[0].sum())
    return long_where(bars, np.repeat((factor > 0)[:, None], len(bars.assets), axis=1))


@leak
def fourier_low_pass(bars):
    """A low-pass filter over the spectrum of the whole series."""
    close = np.nan_to_num(bars.close, nan=40.0)
    spectrum = np.fft.rfft(close, axis=0)
    spectrum[20:] = 0
    return long_where(bars, close < np.fft.irfft(spectrum, n=len(close), axis=0))


@leak
def forward_and_backward_filter(bars):
    """A filter run forward and then backward, so that it has no delay."""
    from scipy.signal import butter, filtfilt

    close = np.nan_to_num(bars.close, nan=40.0)
    smooth = filtfilt(*butter(2, 0.1), close, axis=0)
    return long_where(bars, np.diff(smooth, axis=0, prepend=smooth[:1]) > 0)


@leak
def local_lows(bars):
    """Buys the lows that only the days after them show to be lows."""
    close = closes(bars)
    low = (close <= close.rolling(5, min_periods=1).min()) & (
        close <= close[::-1].rolling(5, min_periods=1).min()[::-1]
    )
    return long_where(bars, low.rolling(10, min_periods=1).max() > 0)


@leak
def rank_over_all_time(bars):
    """Where a price stands among all prices of the asset, later ones too."""
    return np.where(bars.tradable, 1 - closes(bars).rank(pct=True), np.nan)


@leak
def best_of_the_whole_period(bars):
    """Holds the two assets that rise most from the first bar to the last."""
    close = closes(bars)
    gain = close.ffill().iloc[-1] / close.bfill().iloc[0]
    best = np.argsort(gain.to_numpy())[-2:]
    good = np.zeros(len(bars.assets))
    good[best] = 1
    return np.where(bars.tradable, good, np.nan)


@leak
def survivors_only(bars):
    """Holds what still trades on the last day."""
    return np.where(bars.tradable, bars.present[-1].astype(float), np.nan)


@leak
def normalised_by_the_last_price(bars):
    """Prices divided by the last one, as an adjustment from the end does."""
    relative = bars.close / np.nanmax(
        np.where(np.isnan(bars.close[-30:]), -np.inf, bars.close[-30:]), axis=0
    )
    return long_where(bars, relative < 0.9)


@leak
def regimes_of_all_days(bars):
    """Days sorted into two regimes by clustering all of them."""
    volatility = (
        closes(bars)
        .pct_change(fill_method=None)
        .std(axis=1)
        .rolling(10, min_periods=5)
        .mean()
        .to_numpy()
    )
    centres = np.nanquantile(volatility, [0.25, 0.75])
    for _ in range(20):
        near = np.abs(volatility[:, None] - centres).argmin(axis=1)
        centres = np.array([np.nanmean(volatility[near == k]) for k in (0, 1)])
    return long_where(
        bars,
        np.repeat(
            (np.abs(volatility - centres[0]) < np.abs(volatility - centres[1]))[
                :, None
            ],
            len(bars.assets),
            axis=1,
        ),
    )


@leak
def label_in_the_training_set(bars):
    """A regression refitted every 60 bars whose training rows have labels that are not known
    yet.
    """
    returns = np.nan_to_num(bars.returns)
    ahead = np.vstack([returns[5:].copy(), np.zeros((5, returns.shape[1]))])
    out = np.full(returns.shape, np.nan)
    for first in range(120, len(bars), 60):
        x, y = returns[first - 100 : first], ahead[first - 100 : first]
        slope = (x * y).sum(axis=0) / (x * x).sum(axis=0)
        out[first : first + 60] = slope * returns[first : first + 60]
    return long_where(bars, out > 0)


@leak
def next_high_as_target(bars):
    """Enters where the highest price of the next days is far above."""
    ahead = (
        pd.DataFrame(np.array(bars.high))[::-1]
        .rolling(5, min_periods=1)
        .max()[::-1]
        .shift(-1)
    )
    return long_where(bars, ahead.to_numpy() > 1.03 * bars.close)


@leak
def age_from_the_end(bars):
    """Weights that fall towards the end of the data, wherever that is."""
    left = np.linspace(1.0, 0.0, len(bars))
    return np.where(bars.tradable, left[:, None], np.nan)


@leak
def draws_by_asset(bars):
    """Random numbers drawn asset by asset, so that those of an asset depend on how many bars there
    are.
    """
    draws = np.random.default_rng(3).random((len(bars.assets), len(bars))).T
    return long_where(bars, draws > 0.5)


@leak
def smoother_instead_of_filter(bars):
    """An exponential average corrected backwards, as a Kalman smoother does."""
    close = closes(bars).ffill().bfill()
    filtered = close.ewm(alpha=0.1).mean()
    smooth = filtered[::-1].ewm(alpha=0.3).mean()[::-1]
    return long_where(bars, filtered < smooth)


@leak
def volume_of_the_year(bars):
    """The day's volume as a share of the whole calendar year's."""
    volume = pd.DataFrame(np.nan_to_num(bars.volume), index=bars.index)
    share = volume / volume.groupby(volume.index.year).transform("sum")
    return np.where(bars.tradable, np.clip(100 * share.to_numpy(), 0, 1), np.nan)


@leak
def cached_by_names(bars):
    """The answer for these assets was kept from a longer history."""
    return _remembered(bars.assets)(bars)


@functools.lru_cache
def _remembered(names):
    kept = {}

    def answer(bars):
        key = "best"
        if key not in kept:
            kept[key] = np.nan_to_num(bars.close[-1], nan=0.0) > np.nanmedian(
                bars.close, axis=0
            )
        return np.where(bars.tradable, kept[key].astype(float), np.nan)

    return answer


class EveryAsset:
    """Hold all; the leak of these runs is elsewhere."""

    def __init__(self, config, context):
        pass

    def signals(self, bars):
        return np.where(bars.tradable, 1.0, np.nan)


STRATEGIES.append(
    Component(name="all_of_them", config=Empty, build=EveryAsset, summary="hold all")
)


class PeekingSignal:
    """Reach past the history into the bars behind it."""

    def __init__(self, config, context):
        pass

    def signal(self, state):
        bars, t = state.history._bars, len(state.history) - 1
        later = bars.close[min(t + 10, len(bars) - 1)]
        return np.where(
            state.history.tradable,
            np.nan_to_num(later) > np.nan_to_num(bars.close[t]),
            np.nan,
        )


STRATEGIES.append(
    Component(name="peeking_signal", config=Empty, build=PeekingSignal, summary="peeks")
)
LEAKS["peeking_signal"] = {"strategy": "peeking_signal"}


class AllTimeVolatility:
    """Size by the volatility of all returns, later ones too."""

    def __init__(self, config, context):
        pass

    def target_weights(self, state):
        volatility = np.nanstd(state.history._bars.returns, axis=0)
        weights = np.where(np.nan_to_num(state.signals) > 0, 1 / volatility, 0.0)
        return weights / max(weights.sum(), 1e-9)


SIZERS.append(
    Component(
        name="all_time_volatility",
        config=Empty,
        build=AllTimeVolatility,
        summary="peeks",
    )
)
LEAKS["sizer_all_time_volatility"] = {
    "strategy": "all_of_them",
    "sizer": "all_time_volatility",
}


class KnowsTheCrash:
    """Leave the market before a fall that the benchmark has not had yet."""

    def __init__(self, config, context):
        pass

    def adjust(self, state, weights):
        bars, t = state.history._bars, len(state.history) - 1
        ahead = bars.benchmark[t : t + 21]
        return weights * (0.0 if ahead[-1] < 0.97 * ahead[0] else 1.0)


OVERLAYS.append(
    Component(
        name="knows_the_crash", config=Empty, build=KnowsTheCrash, summary="peeks"
    )
)
LEAKS["overlay_knows_the_crash"] = {
    "strategy": "all_of_them",
    "overlays": ["knows_the_crash"],
}


class KnowsTheFill:
    """Veto the trades whose fill will be expensive."""

    def __init__(self, config, context):
        pass

    def check(self, state, target):
        bars, t = state.history._bars, len(state.history) - 1
        after = min(t + 1, len(bars) - 1)
        expensive = np.nanmean(bars.close[after] / bars.close[t]) > 1.002
        return Verdict(
            fire=True,
            veto=bool(expensive),
            reason="expensive" if expensive else "cheap",
        )


TRIGGERS.append(
    Component(name="knows_the_fill", config=Empty, build=KnowsTheFill, summary="peeks")
)
LEAKS["trigger_knows_the_fill"] = {
    "strategy": "all_of_them",
    "triggers": ["knows_the_fill"],
}


class ReadsTomorrow(bt.Strategy):
    """A Backtrader strategy that reads line[1], which is the next bar."""

    def next(self):
        for data in self.datas:
            if len(data) >= data.buflen():
                continue
            if data.close[1] > data.close[0] and not self.getposition(data):
                self.buy(data, size=10)
            elif data.close[1] < data.close[0] and self.getposition(data):
                self.close(data)


STRATEGIES.append(Component.from_backtrader(ReadsTomorrow, name="reads_tomorrow"))
LEAKS["backtrader_reads_tomorrow"] = {"strategy": "reads_tomorrow", "sizer": None}


@hookimpl
def bt_strategies():
    return STRATEGIES


@hookimpl
def bt_sizers():
    return SIZERS


@hookimpl
def bt_overlays():
    return OVERLAYS


@hookimpl
def bt_triggers():
    return TRIGGERS
