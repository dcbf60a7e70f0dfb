"""Clean strategies that look suspicious: stateful, random, expanding, slow to warm up, bound to the
asset list.

`CLEAN` maps a name to the parts of the run. All were written before the check that must not accuse
them.
"""

import backtrader as bt
import numpy as np
import pandas as pd

from bt_run import Component, Config, Proposal, Verdict, hookimpl

CLEAN = {}
STRATEGIES, SIZERS, OVERLAYS, TRIGGERS = [], [], [], []


class Empty(Config):
    pass


def closes(bars):
    return pd.DataFrame(np.array(bars.close), index=bars.index)


def long_where(bars, good):
    return np.where(bars.tradable, np.nan_to_num(np.asarray(good, dtype=float)), np.nan)


def offered(function, build):
    STRATEGIES.append(
        Component(
            name=function.__name__,
            config=Empty,
            build=build,
            summary=function.__doc__ or function.__name__,
        )
    )
    CLEAN[function.__name__] = {"strategy": function.__name__}
    return function


def clean(signals):
    """Offer a function of the bars as a vectorised strategy."""

    class Vectorised:
        def __init__(self, config, context):
            self.seed = context.seed

        def signals(self, bars):
            return signals(bars)

    return offered(signals, Vectorised)


def clean_event(signal):
    """Offer a function of the state as an event-driven strategy."""

    class EventDriven:
        def __init__(self, config, context):
            self.seed = context.seed

        def signal(self, state):
            return signal(state)

    return offered(signal, EventDriven)


@clean
def expanding_z_score(bars):
    """Scaled by the mean and deviation of what has been."""
    close = closes(bars)
    past = close.expanding(min_periods=30)
    return long_where(bars, (close - past.mean()) / past.std() < -0.5)


@clean
def expanding_extremes(bars):
    """Where a price stands between the extremes so far."""
    close = closes(bars)
    low, high = close.cummin(), close.cummax()
    return np.where(
        bars.tradable, np.nan_to_num(((close - low) / (high - low)).to_numpy()), np.nan
    )


@clean
def expanding_quantile(bars):
    """A threshold that is a quantile of the volatilities so far."""
    volatility = (
        closes(bars).pct_change(fill_method=None).rolling(20, min_periods=10).std()
    )
    return long_where(
        bars, volatility < volatility.expanding(min_periods=20).quantile(0.3)
    )


@clean
def rank_so_far(bars):
    """Where a price stands among the prices of the asset so far."""
    return np.where(
        bars.tradable, 1 - closes(bars).expanding().rank(pct=True).to_numpy(), np.nan
    )


@clean
def forward_fill(bars):
    """Gaps filled with the last price."""
    close = closes(bars).ffill()
    return long_where(bars, close / close.shift(3) - 1 > 0)


@clean
def positive_shift(bars):
    """Yesterday's close, shifted forward by one."""
    close = closes(bars)
    return long_where(bars, close.shift(1) < close)


@clean
def week_that_is_over(bars):
    """Weekly closes, known from the day after the week on."""
    close = closes(bars)
    weekly = close.resample("W-FRI").last()
    change = weekly.pct_change(fill_method=None)
    change.index = change.index + pd.Timedelta(days=1)
    return long_where(bars, change.reindex(close.index, method="ffill") > 0)


@clean
def month_before(bars):
    """Each day is told the return of the month before its own."""
    close = closes(bars)
    month = close.index.tz_localize(None).to_period("M")
    gain = close.groupby(month).last().pct_change(fill_method=None).shift(1)
    return long_where(bars, gain.reindex(month).to_numpy() > 0)


@clean
def trend_of_the_window(bars):
    """The slope of a line through the last 60 bars, by convolution."""
    weights = np.arange(60) - 29.5
    close = np.nan_to_num(bars.close, nan=40.0)
    slope = np.column_stack(
        [
            np.convolve(column, weights[::-1], mode="full")[: len(column)]
            for column in close.T
        ]
    )
    slope[:59] = 0
    return long_where(bars, slope > 0)


@clean
def fast_convolution(bars):
    """A causal average by FFT: its last digits depend on how long the series is."""
    from scipy.signal import fftconvolve

    close = np.nan_to_num(bars.close, nan=40.0)
    smooth = fftconvolve(close, np.ones((25, 1)) / 25, axes=0)[: len(close)]
    return np.where(
        bars.tradable, np.clip(5 * (close / smooth - 1), -0.9, 0.9) ** 2, np.nan
    )


@clean
def causal_filter(bars):
    """A Butterworth filter run forward only."""
    from scipy.signal import butter, lfilter

    smooth = lfilter(*butter(2, 0.1), np.nan_to_num(bars.close, nan=40.0), axis=0)
    return long_where(bars, np.diff(smooth, axis=0, prepend=smooth[:1]) > 0)


@clean
def kalman_filter(bars):
    """A local level, filtered bar by bar."""
    level, variance = np.nan_to_num(bars.close[0], nan=40.0), 1.0
    out = np.zeros(bars.close.shape)
    for t, price in enumerate(bars.close):
        variance += 0.02
        gain = variance / (variance + 1.0)
        seen = np.isfinite(price)
        level = np.where(seen, level + gain * (np.nan_to_num(price) - level), level)
        variance *= 1 - gain
        out[t] = np.nan_to_num(price) > level
    return long_where(bars, out)


@clean
def regression_on_the_past(bars):
    """Refitted every 60 bars on rows whose labels are known by then."""
    returns = np.nan_to_num(bars.returns)
    out = np.full(returns.shape, np.nan)
    for first in range(120, len(bars), 60):
        x, y = returns[first - 106 : first - 6], returns[first - 105 : first - 5]
        slope = (x * y).sum(axis=0) / (x * x).sum(axis=0)
        out[first : first + 60] = slope * returns[first : first + 60]
    return long_where(bars, out > 0)


@clean
def components_of_the_past(bars):
    """Principal components refitted every 50 bars on what has been, with their sign fixed."""
    returns = np.nan_to_num(bars.returns)
    factor = np.zeros(len(bars))
    for first in range(100, len(bars), 50):
        past = returns[:first]
        _, _, axes = np.linalg.svd(past - past.mean(axis=0), full_matrices=False)
        factor[first : first + 50] = (
            returns[first : first + 50] @ axes[0] * np.sign(axes[0].sum())
        )
    return long_where(bars, np.repeat((factor > 0)[:, None], len(bars.assets), axis=1))


@clean
def year_and_a_half_of_warm_up(bars):
    """Says nothing for 400 bars."""
    close = closes(bars)
    average = close.rolling(400, min_periods=380).mean()
    return np.where(bars.tradable & average.notna(), close > average, np.nan)


@clean
def draws_by_row(bars):
    """Random numbers drawn bar by bar: more bars do not change the first ones."""
    return long_where(bars, np.random.default_rng(3).random(bars.close.shape) > 0.5)


@clean
def own_bars_only(bars):
    """An average over each asset's own bars, gaps left out."""
    own = (
        pd.DataFrame(bars.own_bars(bars.close))
        .rolling(15, min_periods=5)
        .mean()
        .to_numpy()
    )
    return long_where(bars, bars.close > bars.on_calendar(own))


@clean
def pair_of_neighbours(bars):
    """Each asset against the next in the list: another list, another strategy."""
    ratio = closes(bars) / np.roll(bars.close, 1, axis=1)
    past = ratio.rolling(40, min_periods=20)
    return long_where(bars, (ratio - past.mean()) / past.std() < -1)


@clean
def last_sessions_of_the_month(bars):
    """The exchange's calendar is known in advance; the prices are not used at all."""
    from bt_run import exchange_sessions

    sessions = exchange_sessions(bars.calendar, bars.sessions[0], bars.sessions[-1])
    months = sessions.astype("datetime64[M]")
    ends = {str(sessions[months == month][-3]) for month in np.unique(months)}
    ends |= {str(sessions[months == month][-1]) for month in np.unique(months)}
    turn = np.array([str(session) in ends for session in bars.sessions])
    return long_where(bars, np.repeat(turn[:, None], len(bars.assets), axis=1))


@clean
def best_two_with_ties(bars):
    """The two best of the last 20 days, prices rounded so that many are equal."""
    momentum = (
        (closes(bars) / closes(bars).shift(20) - 1).round(2).fillna(-9).to_numpy()
    )
    order = np.argsort(np.argsort(-momentum, axis=1, kind="stable"), axis=1)
    return long_where(bars, order < 2)


@clean_event
def holds_for_ten_decisions(state):
    """Counts in its memo how long it has held each asset."""
    ages = state.memo.get("ages", [0] * len(state.weights))
    past = state.history.close(6)
    dip = np.nan_to_num(past[-1] / past[0] - 1) < -0.03
    ages = [
        age - 1 if age > 0 else (10 if low else 0)
        for age, low in zip(ages, dip.tolist(), strict=True)
    ]
    return Proposal(
        np.where(state.history.tradable, np.array(ages) > 0, np.nan).astype(float),
        memo={"ages": ages},
    )


@clean_event
def trailing_stop_in_a_memo(state):
    """Remembers the best price since it bought."""
    best = np.array(state.memo.get("best", [0.0] * len(state.weights)))
    now = np.nan_to_num(state.history.close(1)[0])
    best = np.maximum(best, now)
    out = now < 0.92 * best
    best = np.where(out, now, best)
    return Proposal(
        np.where(state.history.tradable, (~out).astype(float), np.nan),
        memo={"best": best.tolist()},
    )


@clean_event
def draws_by_decision(state):
    """A new generator at each decision, seeded by the number of bars seen."""
    draws = np.random.default_rng([7, len(state.history)]).random(len(state.weights))
    return np.where(state.history.tradable, draws > 0.4, np.nan)


@clean_event
def all_history_at_each_decision(state):
    """Reads everything that is known, each time."""
    past = state.history.close(len(state.history))
    mean = np.array(
        [
            column[np.isfinite(column)].mean() if np.isfinite(column).any() else 0.0
            for column in past.T
        ]
    )
    return np.where(state.history.tradable, np.nan_to_num(past[-1]) > mean, np.nan)


@clean_event
def its_own_equity_curve(state):
    """Halves its exposure while its own NAV is below its average."""
    nav = state.nav_history[-30:]
    return np.where(
        state.history.tradable, 1.0 if nav[-1] >= nav.mean() else 0.5, np.nan
    )


@clean_event
def weekday_and_age(state):
    """Looks at the date and at how many bars there have been."""
    good = state.history.now.dayofweek in (0, 1, 2) and len(state.history) % 3 != 0
    return np.where(state.history.tradable, float(good), np.nan)


class KeepsAnswers:
    """Keep its own answers by the time they are for: state, but none that could change one."""

    def __init__(self, config, context):
        self.answers = {}

    def signal(self, state):
        key = state.history.now
        if key not in self.answers:
            past = state.history.close(11)
            self.answers[key] = np.where(
                state.history.tradable, np.nan_to_num(past[-1] - past[0]) > 0, np.nan
            )
        return self.answers[key]


STRATEGIES.append(
    Component(
        name="keeps_answers",
        config=Empty,
        build=KeepsAnswers,
        summary="a cache by time",
    )
)
CLEAN["keeps_answers"] = {"strategy": "keeps_answers"}


class CountsCalls:
    """Keep a count between calls, against the contract, and yet know nothing of the future."""

    def __init__(self, config, context):
        self.calls = 0

    def signal(self, state):
        self.calls += 1
        return np.where(state.history.tradable, float(self.calls % 4 != 0), np.nan)


STRATEGIES.append(
    Component(
        name="counts_calls", config=Empty, build=CountsCalls, summary="hidden state"
    )
)
CLEAN["counts_calls"] = {"strategy": "counts_calls"}


class CovarianceSizer:
    """Size by the covariance of the last 60 returns, inverted: its last digits are noisy."""

    def __init__(self, config, context):
        pass

    def target_weights(self, state):
        returns = np.nan_to_num(state.history.returns(60))
        cov = returns.T @ returns / 60 + 1e-5 * np.eye(returns.shape[1])
        weights = np.maximum(np.linalg.solve(cov, np.ones(len(cov))), 0) * (
            np.nan_to_num(state.signals) > 0
        )
        return weights / max(weights.sum(), 1e-12)


SIZERS.append(
    Component(
        name="covariance",
        config=Empty,
        build=CovarianceSizer,
        summary="inverse covariance",
    )
)
CLEAN["sizer_covariance"] = {"strategy": "positive_shift", "sizer": "covariance"}


class ReadsItsTrack:
    """Leave the market while the sizer's own track is in a drawdown."""

    def __init__(self, config, context):
        pass

    def adjust(self, state, weights):
        nav = state.tracks["sizer"]
        return weights * (0.3 if nav[-1] < 0.95 * nav.max() else 1.0)


OVERLAYS.append(
    Component(
        name="reads_its_track",
        config=Empty,
        build=ReadsItsTrack,
        summary="drawdown of the track",
    )
)
CLEAN["overlay_reads_its_track"] = {
    "strategy": "positive_shift",
    "overlays": ["reads_its_track"],
}


class EveryOther:
    """Fire at every second decision, counted in a memo."""

    def __init__(self, config, context):
        pass

    def check(self, state, target):
        count = state.memo.get("count", 0) + 1
        return Verdict(
            fire=count % 2 == 0, memo={"count": count}, reason=f"decision {count}"
        )


TRIGGERS.append(
    Component(
        name="every_other",
        config=Empty,
        build=EveryOther,
        summary="every second decision",
    )
)
CLEAN["trigger_every_other"] = {
    "strategy": "positive_shift",
    "triggers": ["every_other"],
}
CLEAN["built_in_parts"] = {
    "strategy": {"use": "trend", "fast": 5, "slow": 30, "short": True},
    "sizer": {"use": "inverse_volatility", "lookback": 20},
    "overlays": [
        {"use": "volatility_target", "annual": 0.15, "lookback": 20},
        {"use": "drawdown_guard", "steps": [{"depth": 0.04, "exposure": 0.5}]},
    ],
    "triggers": [{"use": "drift_bands", "total": 0.02}],
    "limits": {"short": True},
}


class OrdinaryCross(bt.Strategy):
    """A Backtrader strategy with indicators and a stop, as its manual shows."""

    def __init__(self):
        self.average = {data: bt.indicators.SMA(data, period=20) for data in self.datas}

    def next(self):
        for data in self.datas:
            if data.close[0] > self.average[data][0] and not self.getposition(data):
                self.buy(data, size=10)
            elif data.close[0] < self.average[data][0] and self.getposition(data):
                self.close(data)


STRATEGIES.append(Component.from_backtrader(OrdinaryCross, name="ordinary_cross"))
CLEAN["backtrader_ordinary_cross"] = {"strategy": "ordinary_cross", "sizer": None}


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
