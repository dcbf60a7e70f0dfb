"""A third set of clean cases: they look as if they used the future, and none does.

`CLEAN` maps a case's name to the parts of its run.
"""

import functools

import backtrader as bt
import numpy as np
import pandas as pd

from bt_run import BuildContext, Component, Config, Proposal, Verdict, hookimpl

CLEAN = {}
STRATEGIES, SIZERS, OVERLAYS, TRIGGERS = [], [], [], []


class Empty(Config):
    pass


def closes(bars):
    return pd.DataFrame(np.array(bars.close), index=bars.index)


def long_where(bars, good):
    return np.where(bars.tradable, np.nan_to_num(np.asarray(good, dtype=float)), np.nan)


def eligible(history, good):
    return np.where(history.tradable, np.asarray(good, dtype=float), np.nan)


def offer(shelf, thing, parts, build=None):
    """Put a component on its shelf, and the parts of a run that names it into `CLEAN`."""
    name = thing.__name__
    shelf.append(
        Component(name=name, config=Empty, build=build or thing, summary=thing.__doc__)
    )
    CLEAN[name] = parts


def clean(signals):
    """Offer a function of the bars as a vectorised strategy."""

    class Innocent:
        def __init__(self, config, context: BuildContext):
            pass

        def signals(self, bars):
            return signals(bars)

    offer(STRATEGIES, signals, {"strategy": signals.__name__}, Innocent)
    return signals


def event_clean(signal):
    """Offer a function of the state as an event-driven strategy."""

    class Innocent:
        def __init__(self, config, context: BuildContext):
            pass

        def signal(self, state):
            return signal(state)

    offer(STRATEGIES, signal, {"strategy": signal.__name__}, Innocent)
    return signal


@clean
def expanding_refit(bars):
    """Targets by shift(-5), and each refit trains on rows whose target has ended by then."""
    from sklearn.linear_model import Ridge

    close = closes(bars)
    target = (close.shift(-5) / close - 1.0).to_numpy()
    features = [close.pct_change(n, fill_method=None) for n in (1, 5, 20)]
    x = np.nan_to_num(np.stack(features, axis=-1))
    held = np.zeros(close.shape)
    for r in range(60, len(close), 21):
        past_x, past_y = x[: r - 4], target[: r - 4]
        usable = np.isfinite(past_y)
        model = Ridge(0.01).fit(past_x[usable], past_y[usable])
        now = x[r : r + 21]
        predicted = model.predict(now.reshape(-1, now.shape[-1]))
        held[r : r + 21] = predicted.reshape(now.shape[:2]) > 0.0
    return long_where(bars, held)


@clean
def reversed_twice(bars):
    """On reversed rows shift(-10) looks ten rows back; then they are reversed again."""
    close = closes(bars)
    ago = close.iloc[::-1].shift(-10).iloc[::-1]
    return long_where(bars, close > ago)


@clean
def ranks_of_the_day(bars):
    """Ranks of 30-row gains across the assets of one day."""
    gains = closes(bars).pct_change(30, fill_method=None)
    return long_where(bars, gains.rank(axis=1, pct=True) >= 0.5)


@clean
def last_of_the_window(bars):
    """The last close of each window of 15 rows against its centre and its first."""

    def bent(window):
        return window.iloc[-1] - 2.0 * window.iloc[7] + window.iloc[0]

    return long_where(bars, closes(bars).rolling(15).apply(bent) > 0.0)


@clean
def masked_backfill(bars):
    """Fills gaps backward, then drops rows without a bar: a window that ends at a bar has only
    been filled from rows up to it.
    """
    close = closes(bars)
    filled = close.bfill()
    mean = filled.rolling(20).mean().where(close.notna())
    return long_where(bars, close > mean)


@event_clean
def streak_in_a_memo(state):
    """Counts each asset's rising bars in its memo, and holds after two."""
    recent = state.history.close(2)
    before = np.array(state.memo.get("streak", [0] * len(state.history.assets)))
    streak = np.where(recent[-1] > recent[0], before + 1, 0)
    return Proposal(
        eligible(state.history, streak >= 2), memo={"streak": streak.tolist()}
    )


@clean
def dice_by_date(bars):
    """Three assets drawn at random each Monday to Sunday, the seed being the week's number."""
    weeks = (bars.sessions.astype(int) + 3) // 7
    count = len(bars.assets)
    drawn = np.array([np.random.default_rng(week).permutation(count) for week in weeks])
    return long_where(bars, drawn < 3)


@clean
def known_month_end(bars):
    """Held on the last three weekdays of a month, which the calendar tells years ahead."""
    days = bars.index.tz_localize(None)
    ends = days + pd.offsets.BMonthEnd(0)
    left = np.busday_count(days.values.astype("M8[D]"), ends.values.astype("M8[D]"))
    return long_where(bars, np.broadcast_to((left < 3)[:, None], bars.close.shape))


@clean
def high_water_mark(bars):
    """Held within a tenth of the highest close so far, less the lower the drawdown."""
    drawdown = closes(bars) / closes(bars).cummax() - 1.0
    return long_where(bars, (1.0 + 5.0 * drawdown).clip(0.0, 1.0))


@clean
def slow_momentum(bars):
    """The gain of 260 own bars but for the last 20: nothing in the first year of an asset."""
    own = bars.own_bars(bars.close)
    gain = np.full(own.shape, np.nan)
    gain[260:] = own[240:-20] / own[:-260] - 1.0
    gain = bars.on_calendar(gain)
    return np.where(np.isnan(gain), np.nan, gain > 0.0)


@functools.cache
def slope_at_the_end(window):
    """Return the slope at the end of a smoothing spline; kept by the window's whole content."""
    from scipy.interpolate import UnivariateSpline

    values = np.log(np.frombuffer(window))
    rows = np.arange(len(values))
    return float(UnivariateSpline(rows, values, s=0.005).derivative()(rows[-1] + 1))


@clean
def spline_on_the_past(bars):
    """A spline through the last 30 closes, extended by a row, every fifth row; a cache keeps
    slopes.
    """
    close = closes(bars).ffill().to_numpy()
    held = np.full(close.shape, np.nan)
    for t in range(30, len(close), 5):
        for i in np.flatnonzero(np.isfinite(close[t - 29])):
            window = np.ascontiguousarray(close[t - 29 : t + 1, i])
            held[t, i] = slope_at_the_end(window.tobytes()) > 0.0
    return long_where(bars, pd.DataFrame(held).ffill(limit=4))


@clean
def noisy_convolution(bars):
    """A causal kernel laid on by an FFT of the whole series: later rows change its noise only,
    around 1e-17.
    """
    from scipy.signal import fftconvolve

    moves = np.nan_to_num(bars.returns)
    kernel = np.exp(-np.arange(40) / 10.0)[:, None]
    smooth = fftconvolve(moves, kernel, axes=0)[: len(moves)]
    return long_where(bars, 0.5 + 0.4 * np.tanh(10.0 * smooth))


@clean
def expanding_quantile(bars):
    """Held after a five-row loss beyond the third decile of all losses so far."""
    moves = closes(bars).pct_change(5, fill_method=None)
    return long_where(bars, moves < moves.expanding(40).quantile(0.3))


@clean
def forest_walk_forward(bars):
    """A seeded forest refitted every 63 rows on classes that were known by then."""
    from sklearn.ensemble import RandomForestClassifier

    close = closes(bars)
    change = close.shift(-1) - close
    features = [close.pct_change(n, fill_method=None) for n in (1, 3, 10)]
    x = np.nan_to_num(np.stack(features, axis=-1))
    y, known = (change > 0.0).to_numpy(), change.notna().to_numpy()
    held = np.zeros(close.shape)
    for r in range(63, len(close), 63):
        forest = RandomForestClassifier(8, max_depth=4, random_state=r)
        forest.fit(x[:r][known[:r]], y[:r][known[:r]])
        now = x[r : r + 63]
        held[r : r + 63] = forest.predict_proba(now.reshape(-1, 3))[:, 1].reshape(
            now.shape[:2]
        )
    return long_where(bars, held)


@clean
def windows_from_sums(bars):
    """Means over windows as differences of sums over all rows so far, gaps counted out."""
    close = np.array(bars.close)
    sums = np.cumsum(np.nan_to_num(close), axis=0)
    mean = (sums[25:] - sums[:-25]) / np.maximum(
        bars.counts[25:] - bars.counts[:-25], 1
    )
    held = np.zeros(close.shape)
    held[25:] = close[25:] > mean
    return long_where(bars, held)


@clean
def completed_weeks(bars):
    """Weekly closes labelled with their Fridays; the week that runs is labelled with a day that
    has not come, so that no row reads it.
    """
    close = closes(bars)
    weekly = close.resample("W-FRI", label="right", closed="right").last()
    gain = weekly.pct_change(4, fill_method=None)
    return long_where(bars, gain.reindex(close.index, method="ffill") > 0.0)


class patient_trigger:  # noqa: N801
    """Fires when the target has moved far from what its memo holds, or after ten decisions."""

    def __init__(self, config, context: BuildContext):
        pass

    def check(self, state, target):
        last = np.array(state.memo.get("target", [0.0] * len(target)))
        waited = state.memo.get("waited", 0) + 1
        fire = bool(np.abs(target - last).sum() > 0.4 or waited >= 10)
        memo = {
            "target": (target if fire else last).tolist(),
            "waited": 0 if fire else waited,
        }
        return Verdict(fire, memo=memo)


offer(
    TRIGGERS,
    patient_trigger,
    {"strategy": "reversed_twice", "triggers": ["patient_trigger"]},
)


class below_its_own_peak:  # noqa: N801
    """Halves the weights while the account without it is 3 % below its highest value so far."""

    reads_tracks = True

    def __init__(self, config, context: BuildContext):
        pass

    def adjust(self, state, weights):
        nav = list(state.tracks.values())[-1]
        return weights * (0.5 if nav[-1] < 0.97 * nav.max() else 1.0)


offer(
    OVERLAYS,
    below_its_own_peak,
    {"strategy": "ranks_of_the_day", "overlays": ["below_its_own_peak"]},
)


class newest_first_sizer:  # noqa: N801
    """Inverse deviations of the last 30 returns, reversed so that the newest weighs most."""

    def __init__(self, config, context: BuildContext):
        pass

    def target_weights(self, state):
        newest_first = np.nan_to_num(state.history.returns(30, asset_bars=True)[::-1])
        decay = 0.94 ** np.arange(len(newest_first))[:, None]
        variance = (decay * newest_first**2).sum(axis=0) / decay.sum()
        sized = np.nan_to_num(state.signals) / np.sqrt(variance + 1e-6)
        return sized / max(sized.sum(), 1e-12)


offer(
    SIZERS,
    newest_first_sizer,
    {"strategy": "high_water_mark", "sizer": "newest_first_sizer"},
)


class weeks_in_backtrader(bt.Strategy):  # noqa: N801
    """Compares today's close with the close of the last week that was complete by then."""

    def next(self):
        count = len(self.datas) // 2
        for day, week in list(zip(self.datas, self.datas[count:], strict=False))[:3]:
            if len(week) < 3 or len(day) < 10:
                continue
            mean = np.mean(day.close.get(ago=-1, size=5))
            up = day.close[0] > week.close[0] and mean > week.close[-2]
            self.order_target_percent(day, target=0.3 if up else 0.0)

    prenext = next


STRATEGIES.append(Component.from_backtrader(weeks_in_backtrader))
CLEAN["weeks_in_backtrader"] = {
    "strategy": {"use": "weeks_in_backtrader", "resample": ["week"]},
    "sizer": None,
}


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
