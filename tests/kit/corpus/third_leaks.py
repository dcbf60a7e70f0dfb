"""A third set of planted leaks: many act on a few dates only, some reach through memory or files.

`LEAKS` maps a leak's name to the parts of the run that plants it.
"""

import gc
import inspect
import runpy
import tempfile
from pathlib import Path

import backtrader as bt
import numpy as np
import pandas as pd

from bt_run import Bars, BuildContext, Component, Config, Verdict, hookimpl, period_of

LEAKS = {}
STRATEGIES, SIZERS, OVERLAYS, TRIGGERS = [], [], [], []
KEPT = {}  # what the hook left behind: the bars, and the folder of their files
SCALES = {}  # means and deviations by assets and first bar


class Empty(Config):
    pass


def closes(bars):
    return pd.DataFrame(np.array(bars.close), index=bars.index)


def long_where(bars, good):
    return np.where(bars.tradable, np.nan_to_num(np.asarray(good, dtype=float)), np.nan)


def trend(bars):
    """Tell which assets stand above their mean of 20 bars: what the leaks do on other days."""
    close = closes(bars)
    return (close > close.rolling(20, min_periods=5).mean()).to_numpy(float)


def offer(shelf, thing, parts, build=None):
    """Put a component on its shelf, and the parts of a run that names it into `LEAKS`."""
    name = thing.__name__
    shelf.append(
        Component(name=name, config=Empty, build=build or thing, summary=thing.__doc__)
    )
    LEAKS[name] = parts


def leak(parts=None):
    """Offer a function of the bars as a vectorised strategy; ``parts`` are further ones."""

    def register(signals):
        class Planted:
            def __init__(self, config, context: BuildContext):
                pass

            def signals(self, bars):
                return signals(bars)

        name = signals.__name__
        offer(STRATEGIES, signals, {"strategy": name} | (parts or {}), Planted)
        return signals

    return register


def event_leak(parts=None):
    """Offer a function of the state as an event-driven strategy."""

    def register(signal):
        class Planted:
            def __init__(self, config, context: BuildContext):
                pass

            def signal(self, state):
                return signal(state)

        name = signal.__name__
        offer(STRATEGIES, signal, {"strategy": name} | (parts or {}), Planted)
        return signal

    return register


def eligible(history, good):
    return np.where(history.tradable, np.asarray(good, dtype=float), np.nan)


def upward(history):
    """Tell which assets stand above where they stood 20 bars ago."""
    recent = history.close(21)
    return recent[-1] > recent[0]


# -- rare dates ------------------------------------------------------------------------------------


@leak()
def listing_honeymoon(bars):
    """An asset's first five bars after a late listing are held as it will stand ten bars later."""
    close = closes(bars)
    young = (bars.counts >= 1) & (bars.counts <= 5) & ~bars.present[0]
    later = (close.shift(-10) / close - 1.0).clip(-0.2, 0.2) + 0.5
    return long_where(bars, np.where(young, later, trend(bars)))


@leak({"data": {"adjust": "none"}})
def split_whisper(bars):
    """Full exposure on the three bars before a split, found by a window on reversed rows."""
    splits = pd.DataFrame(np.array(bars.splits) != 1.0).astype(float)
    ahead = splits[::-1].rolling(3, min_periods=1).max()[::-1].shift(-1)
    return long_where(bars, np.where(ahead == 1.0, 1.0, 0.4 * trend(bars)))


@leak({"data": {"adjust": "none"}})
def dividend_run(bars):
    """Bought on the eve of each ex-date, whether or not anyone had declared the dividend."""
    paid = pd.DataFrame(np.array(bars.dividends) > 0.0)
    ahead = paid.shift(-1, fill_value=False)
    return long_where(bars, np.where(ahead, 1.0, 0.3))


@leak()
def turn_of_the_year(bars):
    """On the last session of a year, by the rows themselves, what the first five of the next
    bring.
    """
    close = closes(bars)
    year = pd.Series(period_of(bars.sessions, "year"), index=close.index)
    last = (year.shift(-1) > year).to_numpy()[:, None]
    return long_where(bars, np.where(last, close.shift(-5) > close, trend(bars)))


@leak()
def two_days_in_a_hundred(bars):
    """On 2 % of days, drawn by their date, tomorrow's winners; the trend on all others."""
    days = bars.sessions.astype(int)
    drawn = np.array([np.random.default_rng(day).random() < 0.02 for day in days])
    close = closes(bars)
    return long_where(
        bars, np.where(drawn[:, None], close.shift(-1) > close, trend(bars))
    )


@leak()
def welcome_back(bars):
    """On an asset's first bar after missing sessions, exposure by its next three bars."""
    close, present = closes(bars), pd.DataFrame(np.array(bars.present))
    back = present & ~present.shift(1, fill_value=True) & (bars.counts > 1)
    ahead = (0.5 + 8.0 * (close.shift(-3) / close - 1.0)).clip(0.0, 1.0)
    return long_where(bars, np.where(back, ahead, trend(bars)))


@leak()
def leaves_before_the_silence(bars):
    """Holds everything, but what has no row tomorrow is sold today: gaps and a delisting."""
    tomorrow = pd.DataFrame(np.array(bars.present)).shift(-1, fill_value=True)
    return long_where(bars, tomorrow)


@leak()
def wildest_week(bars):
    """Flat in the one week that turns out to be the most volatile of the whole sample."""
    week = period_of(bars.sessions, "week")
    moves = closes(bars).pct_change(fill_method=None).abs().mean(axis=1)
    calm = week != moves.groupby(week).mean().idxmax()
    return long_where(bars, trend(bars) * calm[:, None])


class quarter_end_peek(bt.Strategy):  # noqa: N801 - named like the other leaks
    """On a quarter's last session, known by the date of the next bar, that bar's close decides."""

    def next(self):
        for data in self.datas[:3]:
            if not len(data) or len(data) >= data.buflen():
                continue
            now, later = data.datetime.date(0), data.datetime.date(1)
            if (now.month - 1) // 3 != (later.month - 1) // 3:
                up = data.close[1] > data.close[0]
                self.order_target_percent(data, target=0.3 if up else 0.1)

    prenext = next


STRATEGIES.append(Component.from_backtrader(quarter_end_peek))
LEAKS["quarter_end_peek"] = {
    "strategy": "quarter_end_peek",
    "sizer": None,
}


class friday_the_thirteenth:  # noqa: N801
    """On each Friday the 13th, drops what falls at the next bar, seen through a track's private
    account.
    """

    reads_tracks = True

    def __init__(self, config, context: BuildContext):
        pass

    def adjust(self, state, weights):
        now, t = state.history.now, len(state.history)
        if now.weekday() != 4 or now.day != 13:
            return weights
        track = next(iter(state.tracks._tracks.values()))
        close = track.func.__self__._account.market.bars.close
        return weights if t >= len(close) else weights * (close[t] > close[t - 1])


offer(
    OVERLAYS,
    friday_the_thirteenth,
    {"strategy": "always", "overlays": ["friday_the_thirteenth"]},
)


# -- memory ----------------------------------------------------------------------------------------


@event_leak()
def behind_the_view(state):
    """Yesterday's view has the whole array behind it: its base holds tomorrow's row."""
    recent, t = state.history.close(20), len(state.history)
    whole = recent if recent.base is None else recent.base
    if whole.ndim != 2 or t >= len(whole):
        return eligible(state.history, upward(state.history))
    return eligible(state.history, whole[t] > recent[-1])


class one_row_further:  # noqa: N801
    """A sizer whose window is strided one row too far: the weights are tomorrow's gains."""

    def __init__(self, config, context: BuildContext):
        pass

    def target_weights(self, state):
        row = state.history.close(1)
        bounds = np.lib.array_utils.byte_bounds
        there = row.base is not None and bounds(row.base)[1] > bounds(row)[1]
        shape = (1 + there, row.shape[1])
        rows = np.lib.stride_tricks.as_strided(row, shape, row.strides)
        gains = np.nan_to_num(rows[-1] / row[0] - 1.0).clip(0.0)
        held = np.nan_to_num(state.signals) * np.where(gains > 0.0, 1.0, 0.2)
        return held / len(held)


offer(SIZERS, one_row_further, {"strategy": "always", "sizer": "one_row_further"})


@leak()
def remembered_scaling(bars):
    """Means and deviations of the first bars ever seen, all of them, kept in the module."""
    log = np.log(closes(bars))
    key = (bars.assets, bars.times[0])
    mean, deviation = SCALES.setdefault(key, (log.mean(), log.std()))
    return long_where(bars, (log - mean) / deviation < 0.0)


@event_leak({"schedule": "month"})
def longest_in_memory(state):
    """The longest bars that the garbage collector knows say how the coming month ends."""
    known = [item for item in gc.get_objects() if type(item) is Bars]
    close = max(known, key=len).close
    t = len(state.history) - 1
    later = close[min(t + 21, len(close) - 1)]
    return eligible(state.history, later > close[t])


class caller_of_the_caller:  # noqa: N801
    """A trigger that walks up the stack to the bars, and fires before the target gains only."""

    def __init__(self, config, context: BuildContext):
        pass

    def check(self, state, target):
        frame, t = inspect.currentframe(), len(state.history)
        while frame is not None:
            bars = frame.f_locals.get("bars")
            if isinstance(bars, Bars) and t < len(bars):
                gains = np.nan_to_num(bars.close[t] / bars.close[t - 1] - 1.0)
                return Verdict(bool(gains @ (target - state.weights) > 0.0))
            frame = frame.f_back
        return Verdict(True)


offer(
    TRIGGERS,
    caller_of_the_caller,
    {"strategy": "rising", "triggers": ["caller_of_the_caller"]},
)


class kept_from_the_hook:  # noqa: N801
    """An overlay that halves what falls over the next five bars, of those the hook was shown."""

    def __init__(self, config, context: BuildContext):
        pass

    def adjust(self, state, weights):
        if "bars" not in KEPT:
            return weights
        close, t = KEPT["bars"].close, len(state.history) - 1
        later = close[min(t + 5, len(close) - 1)]
        return weights * np.where(later < close[t], 0.5, 1.0)


offer(
    OVERLAYS,
    kept_from_the_hook,
    {"strategy": "always", "overlays": ["kept_from_the_hook"]},
)


# -- files -----------------------------------------------------------------------------------------


@event_leak({"schedule": "week"})
def research_folder(state):
    """Each week reads the source's own price files, in the folder that the hook learnt from the
    run's config, and holds what closes higher five rows later.
    """
    good, now = upward(state.history), state.history.now.tz_localize(None)
    for i, asset in enumerate(state.history.assets if "folder" in KEPT else ()):
        rows = pd.read_parquet(KEPT["folder"] / f"{asset}.parquet")
        close = rows["close"][rows["date"] >= now].to_numpy()[:6]
        if len(close) > 1:
            good[i] = close[-1] > close[0]
    return eligible(state.history, good)


class exported_scores:  # noqa: N801
    """Reads a file of scores that the author exported from all prices: returns of the next ten
    rows, beside the date at which they begin.
    """

    def __init__(self, config, context: BuildContext):
        market = runpy.run_path(str(Path(__file__).parents[1] / "market.py"))
        frames = {
            name: (rows.close.shift(-10) / rows.close).set_axis(rows.date)
            for name, rows in market["market"]().items()
        }
        self.file = Path(tempfile.mkdtemp()) / "scores.csv"
        pd.DataFrame(frames).to_csv(self.file)

    def signal(self, state):
        scores = pd.read_csv(self.file, index_col=0, parse_dates=True)
        row = scores.loc[state.history.now.tz_localize(None)]
        return eligible(state.history, row[list(state.history.assets)] > 1.0)


offer(STRATEGIES, exported_scores, {"strategy": "exported_scores"})


# -- ordinary --------------------------------------------------------------------------------------


@leak()
def target_overlap(bars):
    """Refits every 21 rows on all rows before, whose last targets end up to four rows later."""
    from sklearn.linear_model import Ridge

    close = closes(bars)
    target = close.shift(-5) / close - 1.0
    features = [close.pct_change(n, fill_method=None) for n in (1, 5, 20)]
    held = np.zeros(close.shape)
    for i in close:
        x = np.nan_to_num(np.column_stack([one[i] for one in features]))
        y = target[i].to_numpy()
        for r in range(60, len(close), 21):
            usable = np.flatnonzero(np.isfinite(y[:r]))
            if len(usable) > 20:
                newer = 0.8 ** (r - usable)  # what is recent counts more
                model = Ridge(0.01).fit(x[usable], y[usable], newer)
                held[r : r + 21, i] = model.predict(x[r : r + 21]) > 0.0
    return long_where(bars, held)


@leak()
def nearest_report(bars):
    """Joins each quarter's average to its last session by the nearest date, before or after."""
    close = closes(bars)
    quarter = period_of(bars.sessions, "quarter")
    reports = close.groupby(quarter).mean()
    reports.insert(0, "date", pd.Series(close.index).groupby(quarter).last())
    bars_dates = pd.DataFrame({"date": close.index})
    joined = pd.merge_asof(bars_dates, reports, on="date", direction="nearest")
    return long_where(bars, close.to_numpy() < joined.drop(columns="date").to_numpy())


@leak()
def hilbert_phase(bars):
    """The phase of the detrended price by a Hilbert transform of the whole series."""
    from scipy import signal

    log = np.log(closes(bars)).ffill().bfill().fillna(0.0).to_numpy()
    phase = np.angle(signal.hilbert(signal.detrend(log, axis=0), axis=0))
    return long_where(bars, phase < 0.0)


@leak()
def spline_between_weeks(bars):
    """A cubic spline through every fifth close: between two knots its slope knows the next."""
    from scipy.interpolate import CubicSpline

    close = closes(bars).ffill().bfill().fillna(0.0).to_numpy()
    rows = np.arange(len(close))
    slope = CubicSpline(rows[::5], close[::5])(rows, 1)
    return long_where(bars, slope > 0.0)


@leak()
def share_of_the_sample(bars):
    """A glide path: exposure falls with the share of the sample that has passed, to 0 at its
    end.
    """
    left = 1.0 - np.arange(len(bars)) / max(1, len(bars) - 1)
    return long_where(bars, np.broadcast_to(left[:, None], bars.close.shape))


@leak()
def neighbours_next_row(bars):
    """Follows the other assets' lagged returns, but the lag is rolled the wrong way."""
    moves = np.nan_to_num(bars.returns)
    others = moves.sum(axis=1, keepdims=True) - moves
    return long_where(bars, np.roll(others, -1, axis=0) > 0.0)


@leak()
def components_of_everything(bars):
    """Scaled and decomposed by the whole sample: holds what lags its first two components."""
    from sklearn.decomposition import PCA
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    moves = closes(bars).ffill().pct_change(10).fillna(0.0).to_numpy()
    model = make_pipeline(StandardScaler(), PCA(2)).fit(moves)
    return long_where(
        bars, moves < model.inverse_transform(model.transform(moves)) - 0.005
    )


# -- innocent partners -----------------------------------------------------------------------------


class Always:
    """Holds everything."""

    def __init__(self, config, context: BuildContext):
        pass

    def signal(self, state):
        return eligible(state.history, np.ones(len(state.history.assets)))


class Rising:
    """Holds what rose over 20 bars."""

    def __init__(self, config, context: BuildContext):
        pass

    def signal(self, state):
        return eligible(state.history, upward(state.history))


for partner in (Always, Rising):
    STRATEGIES.append(
        Component(
            name=partner.__name__.lower(),
            config=Empty,
            build=partner,
            summary=partner.__doc__,
        )
    )


@hookimpl
def bt_before_run(config, bars):
    KEPT["bars"] = bars
    KEPT["folder"] = Path(config.data.source.options["path"])


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
