"""The look-ahead check: futures that share a past, dates, differences, causes, verdicts, exit
codes.
"""

import json
from dataclasses import replace

import numpy as np
import pytest

from bt_run import ConfigError, PluginError, RunConfig, run
from bt_run.causality.differences import Noise, compare_arrays
from bt_run.causality.futures import absent_after, noise_after, other_close, shaken_at
from bt_run.checks.causes import (
    END,
    FILL,
    LENGTH,
    PERIOD,
    WHOLE,
    WINDOW,
    cause_of_signal,
)
from bt_run.checks.dates import choose_dates, first_signal
from bt_run.checks.lookahead import check_lookahead
from bt_run.checks.warmup import check_warmup
from bt_run.checks.words import lookahead_text, warmup_text
from bt_run.cli.entry import main
from bt_run.data.bars import FIELDS
from bt_run.data.data_config import TableConfig
from bt_run.data.slices import from_bar, until
from bt_run.data.tables import series_table
from bt_run.testing import make_bars, make_rows

NAN = np.nan
RNG = np.random.default_rng(0)


def walk(seed, days=300, **columns):
    rng = np.random.default_rng(seed)
    return make_rows(40 * np.exp(np.cumsum(rng.normal(0, 0.02, days))), **columns)


def bars_with_everything():
    dividend = np.zeros(300)
    dividend[[40, 100, 200]] = 0.5
    bars = make_bars(
        {"A": walk(1, dividend=dividend), "B": walk(2), "C": walk(3)},
        start=20,
        adjust="none",
        last_session={"C": np.datetime64("2021-02-23")},
    )
    present = bars.present.copy()
    present[120:124, 1] = False

    def gaps(prices):
        return type(prices)(
            *(np.where(present, getattr(prices, name), NAN) for name in FIELDS)
        )

    member = np.ones_like(present)
    member[150:, 0] = False
    rate = series_table(
        "rate",
        np.array(["2020-03-02", "2020-09-01", "2021-01-04"], "datetime64[D]"),
        np.array([1.0, 2.0, 3.0]),
        TableConfig(symbol="R", lag=0),
        bars,
    )
    return replace(
        bars,
        adjusted=gaps(bars.adjusted),
        traded=gaps(bars.traded),
        present=present,
        members=member,
        tables={"rate": rate},
    )


def past(bars, t):
    """Return all that a component can reach of the rows up to ``t``."""
    panels = [
        getattr(p, name)[: t + 1]
        for p in (bars.adjusted, bars.traded)
        for name in FIELDS
    ]
    rows = [
        getattr(bars, name)[: t + 1]
        for name in ("times", "present", "tradable", "dividends", "splits", "benchmark")
    ]
    return [*panels, *rows, bars.members[: t + 1], bars.series("rate")[: t + 1]]


@pytest.mark.parametrize("t", [30, 121, 199, 280])
@pytest.mark.parametrize(
    "change",
    [
        until,
        lambda b, t: noise_after(b, t, 63, RNG),
        lambda b, t: absent_after(b, t, 63),
    ],
)
def test_another_future_leaves_the_past_as_it_is(t, change):
    bars = bars_with_everything()
    other = change(bars, t)
    for one, two in zip(past(bars, t), past(other, t), strict=True):
        np.testing.assert_array_equal(one, two)
    assert other.start == bars.start


def test_the_other_futures_are_others():
    bars = bars_with_everything()
    assert len(until(bars, 100)) == 101
    assert np.isnat(until(bars, 100).last_session).all()
    assert np.isnat(bars.last_session).sum() == 2
    noise = noise_after(bars, 100, 63, RNG)
    assert len(noise) == 164
    assert noise.present[101:].all()
    assert (np.abs(noise.close[101:] / bars.close[101:164] - 1) > 0.3).all(
        where=bars.present[101:164]
    )
    assert (noise.high >= noise.low)[101:].all()
    assert (
        noise_after(bars, 150, 63, RNG).series("rate")[-1] != bars.series("rate")[213]
    )
    gone = absent_after(bars, 100, 63)
    assert not gone.present[101:].any()
    assert np.isnan(gone.close[101:]).all()
    assert np.isnan(gone.benchmark[101:]).all()


def test_only_the_close_of_one_bar_is_changed():
    bars = bars_with_everything()
    other = other_close(bars, 50)
    np.testing.assert_allclose(other.close[50], 1.1 * bars.close[50])
    np.testing.assert_array_equal(other.open, bars.open[:51])
    np.testing.assert_array_equal(other.close[:50], bars.close[:50])
    assert (other.high[50] >= other.close[50]).all()
    assert other.traded.close[50, 0] == pytest.approx(1.1 * bars.traded.close[50, 0])


def test_less_history_moves_the_start():
    bars = bars_with_everything()
    later = from_bar(bars, 15)
    assert later.start == 5
    assert later.times[later.start] == bars.times[bars.start]
    np.testing.assert_array_equal(later.close, bars.close[15:])


def test_a_total_return_run_trades_what_signals_see_in_every_future():
    bars = make_bars({"A": walk(1)}, start=20)
    for other in (
        until(bars, 50),
        noise_after(bars, 50, 9, RNG),
        shaken_at(bars, slice(3, 4), 2.0),
    ):
        assert other.traded is other.adjusted


# -- dates -----------------------------------------------------------------------------------------


def test_dates_lie_after_the_first_signal_and_before_the_end():
    bars = make_bars({"A": walk(1), "B": walk(2)}, start=20)
    rows = np.full((300, 2), NAN)
    rows[100:] = (np.arange(200) // 40 % 2)[:, None]
    due = np.ones(300, dtype=bool)
    dates = choose_dates(bars, due, rows, 12, seed=1)
    assert len(dates) == len(set(dates)) == 12
    assert min(dates) >= 140
    assert max(dates) < 298
    changes = set(
        np.flatnonzero(np.nan_to_num(rows[1:, 0]) != np.nan_to_num(rows[:-1, 0]))
    )
    assert len(changes & set(dates)) >= 3  # around signals
    assert dates == choose_dates(bars, due, rows, 12, seed=1)
    assert dates != choose_dates(bars, due, rows, 12, seed=2)


def test_dates_look_at_gaps():
    bars = bars_with_everything()
    chosen = choose_dates(bars, np.ones(300, dtype=bool), np.ones((300, 3)), 6, seed=0)
    assert 123 in chosen  # the bar before B comes back


def test_no_signal_is_seen():
    assert first_signal(np.array([[NAN, 0.0], [0.0, NAN]])) is None
    assert first_signal(np.array([[NAN, 0.0], [0.0, -1.0]])) == 1


# -- differences -----------------------------------------------------------------------------------


def test_rounding_is_no_difference_and_is_reported():
    noise = Noise()
    values = np.array([[1.0, NAN], [2.0, 3.0]])
    assert compare_arrays(values, values * (1 + 1e-13), noise) is None
    assert 1e-14 < noise.largest < 1e-12
    assert compare_arrays(values, values + 1e-6, noise) == (0, 0, pytest.approx(1e-6))
    other = values.copy()
    other[1, 1] = NAN
    row, column, size = compare_arrays(values, other, noise)
    assert (row, column, size) == (1, 1, float("inf"))
    assert noise.rows == 6


# -- causes ----------------------------------------------------------------------------------------


def frame(bars):
    import pandas as pd

    return pd.DataFrame(np.array(bars.close), index=bars.index)


def by_month(bars):
    close = frame(bars)
    return (
        close.groupby([close.index.year, close.index.month])
        .transform("last")
        .to_numpy()
    )


@pytest.mark.parametrize(
    ("signals", "cause"),
    [
        (lambda b: frame(b).rolling(9, center=True).mean().to_numpy(), WINDOW),
        (lambda b: (frame(b) - frame(b).mean()).to_numpy(), WHOLE),
        (by_month, PERIOD),
        (lambda b: frame(b).bfill().to_numpy(), FILL),
        (lambda b: np.repeat(np.nan_to_num(b.close[-1:]), len(b), axis=0), END),
        (lambda b: np.linspace(0, 1, len(b))[:, None] * np.ones(3), LENGTH),
    ],
)
def test_the_likely_cause_is_reported_from_what_moves_a_value(signals, cause):
    assert cause_of_signal(signals, bars_with_everything()) == cause


def test_a_shift_is_reported_with_its_length():
    what, how = cause_of_signal(
        lambda b: frame(b).shift(-3).to_numpy(), bars_with_everything()
    )
    assert what == "a negative shift: the value of 3 bars later"
    assert "not row t + 3: shift forward instead" in how


# -- whole runs ------------------------------------------------------------------------------------

PLUGIN = """
import numpy as np
import pandas as pd
from bt_run import Array, BrokerTerms, Component, Config, hookimpl, assemble_bars, Rows
from bt_run.testing import MadeCosts

class Empty(Config):
    pass

def offer(name, build):
    return Component(name=name, config=Empty, build=build, summary=name)

class Vectorised:
    def __init__(self, config, context): pass
    def signals(self, bars): return type(self).rows(bars)

class Tomorrow(Vectorised):
    @staticmethod
    def rows(bars):
        later = pd.DataFrame(np.array(bars.close)).shift(-1)
        return np.where(later > bars.close, 1.0, 0.0)
class Never(Vectorised):
    rows = staticmethod(lambda bars: np.zeros(bars.close.shape))
class Average(Vectorised):
    @staticmethod
    def rows(bars):
        mean = pd.DataFrame(np.array(bars.close)).rolling(30).mean()
        return (bars.close > mean).astype(float).to_numpy()
class Expanding(Vectorised):
    @staticmethod
    def rows(bars):
        return np.clip(pd.DataFrame(np.array(bars.close)).expanding().mean().to_numpy() / 1e4, 0, 1)
class Dice(Vectorised):
    rows = staticmethod(lambda bars: np.random.default_rng().random(bars.close.shape))
class NeedsMuch(Vectorised):
    @staticmethod
    def rows(bars):
        if len(bars) < 5000:
            raise RuntimeError("too short")
        return np.ones(bars.close.shape)

class Dreams:
    def __init__(self, config, context): pass
    def signal(self, state): return np.random.default_rng().random(len(state.weights))

class Counts:
    def __init__(self, config, context): self.calls = 0
    def signal(self, state):
        self.calls += 1
        return np.full(len(state.weights), self.calls % 2 + 0.0)

class Peeks:
    def __init__(self, config, context): pass
    def signal(self, state):
        return (state.history._bars.close[-1] < state.history.close(1)[0]).astype(float)

class KnowsTheClose(MadeCosts):
    "Price an open fill at the close of its bar."
    bars = None
    def fill_price(self, price, shares, conditions):
        return conditions.bars.traded.close[conditions.bar]

@hookimpl
def bt_strategies():
    found = (Tomorrow, Never, Average, Expanding, Dice, NeedsMuch, Dreams, Counts, Peeks)
    return [offer(cls.__name__.lower(), cls) for cls in found]

@hookimpl
def bt_brokers():
    def build(config, context):
        return BrokerTerms(cash=1e5, fill="next_open", costs=KnowsTheClose())
    return [offer("knows_the_close", build)]

class FromTheEnd:
    "Adjust prices from the last one back."
    def __init__(self, config, context): pass
    def load(self, request):
        times = np.arange("2000-01-03", "2003-01-01", dtype="datetime64[D]")
        times = times[np.is_busday(times) & (times <= np.datetime64(request.end))]
        times = times.astype("datetime64[ns]")
        close = 50 + 10 * np.sin(np.arange(len(times)) / 9)
        rows = Rows(times=times, close=100 * close / close[-1], open=close / close[-1])
        return assemble_bars(request, {name: rows for name in request.assets}, rows)

@hookimpl
def bt_sources():
    return [offer("from_the_end", FromTheEnd)]
"""


@pytest.fixture
def case(tmp_path):
    plugin = tmp_path / "plugin.py"
    plugin.write_text(PLUGIN)

    def build(strategy, *, end="2004-12-31", **changes):
        data = {
            "source": {"use": "sample", "set": "indices"},
            "assets": ["NASDAQ", "SP500"],
            "benchmark": "SP500",
            "start": "2000-01-03",
            "end": end,
        } | changes.pop("data", {})
        parts = {
            "sizer": "equal_weight",
            "schedule": "week",
            "broker": {"use": "simulated", "fill": "next_close"},
        } | changes
        return RunConfig(
            name="check", plugins=[str(plugin)], data=data, strategy=strategy, **parts
        )

    return build


def test_a_leak_is_reported_with_its_cause_and_its_fix(case):
    found = check_lookahead(case("tomorrow"))
    (leak,) = found.leaks
    assert (leak.component, leak.quantity) == ("strategy tomorrow", "signals")
    assert leak.size == 1.0
    text = lookahead_text(found)
    assert (
        f"strategy tomorrow: signals of {leak.asset} at {leak.first} knew the future"
        in text
    )
    assert "likely cause: a negative shift: the value of 1 bar later" in text
    assert (
        "to fix it: row t may use row t and earlier ones, not row t + 1: shift forward instead"
        in text
    )
    assert "LOOK-AHEAD: 1 quantity knows the future" in text
    assert found.exit_code == 6
    json.dumps(found.as_json())


def test_a_clean_run_is_reported_with_how_sure_that_is(case):
    found = check_lookahead(case("average"), dates=12)
    text = lookahead_text(found)
    assert found.exit_code == 0
    assert text.startswith("tried 12 dates, ")
    assert (
        "what leaks on more than 22% of the dates was found with 95 % certainty" in text
    )
    assert text.endswith(
        "clean: no signal, weight, memo, order or fill changed with its future"
    )


def test_a_run_that_never_signals_is_not_called_clean(case):
    found = check_lookahead(case("never"))
    assert (found.verdict, found.exit_code) == ("nothing to check", 7)
    assert lookahead_text(found) == "nothing to check: it never gives a signal"


def test_nothing_could_be_tried_is_not_called_clean(case):
    found = check_lookahead(case("needsmuch", end="2018-12-31"))
    assert found.exit_code == 7
    assert "no other future could be played" in found.nothing
    assert "RuntimeError: too short" in lookahead_text(found)


@pytest.mark.parametrize("strategy", ["dice", "dreams"])
def test_an_unrepeatable_component_is_not_accused_of_knowing_the_future(case, strategy):
    with pytest.raises(
        PluginError,
        match=f"strategy {strategy}: gave other answers on the same data, so look-ahead",
    ):
        check_lookahead(case(strategy))


def test_a_fill_that_knows_its_bars_close_is_found(case):
    found = check_lookahead(case("average", broker="knows_the_close"))
    (leak,) = [leak for leak in found.leaks if leak.component == "broker"]
    assert leak.quantity in ("price", "filled")
    assert "the fill at the open of a bar is priced with that bar's close" in leak.cause


def test_a_source_that_adjusts_from_the_end_is_found(case):
    data = {
        "source": "from_the_end",
        "assets": ["A", "B"],
        "benchmark": "A",
        "calendar": "24/5",
        "start": "2000-06-01",
        "end": "2002-12-31",
    }
    found = check_lookahead(case("average", data=data))
    (leak,) = [leak for leak in found.leaks if leak.component == "source from_the_end"]
    assert "adjusted from the end" in leak.cause


def test_hidden_state_is_no_leak(case):
    found = check_lookahead(case("counts"))
    assert (found.leaks, found.verdict) == ((), "own state")


# -- warm-up ---------------------------------------------------------------------------------------


def test_the_warm_up_is_measured_to_the_bar(case):
    found = check_warmup(case("average"))
    assert (found.need, found.exit_code) == (29, 0)
    assert warmup_text(found).endswith(
        "enough: 29 bars before the start suffice; the run has 252"
    )


def test_an_expanding_statistic_never_settles(case):
    found = check_warmup(case("expanding"))
    assert (found.need, found.exit_code) == (None, 6)
    assert (
        "NOT SETTLED: with 252 bars before the start the outputs still change with more history"
        in warmup_text(found)
    )


def test_a_warm_up_without_signals_or_without_history_is_nothing_to_check(case):
    assert (
        warmup_text(check_warmup(case("never")))
        == "nothing to check: it never gives a signal"
    )
    bare = check_warmup(case("average", data={"history_from": "2000-01-03"}))
    assert (bare.exit_code, bare.nothing) == (
        7,
        "no bar lies before the start; move data.start, or let the data begin earlier",
    )


def test_a_length_at_which_the_run_fails_is_reported(case):
    found = check_warmup(case("needsmuch", end="2018-12-31"))
    assert found.need == 5000 - (5031 - 252)
    assert "RuntimeError: too short" in warmup_text(found)


# -- every run -------------------------------------------------------------------------------------


def test_every_run_says_what_three_dates_showed(case):
    result = run(case("average"))
    assert result.look_ahead.startswith(
        "none found: with all later prices hidden, it decides the same on 2000-"
    )
    assert result.manifest["look_ahead"]["verdict"] == "no difference"
    assert len(result.manifest["look_ahead"]["dates"]) == 3
    assert not result.warnings


@pytest.mark.parametrize(
    ("strategy", "quantity"), [("tomorrow", "signals of"), ("peeks", "the signal at")]
)
def test_every_run_warns_of_look_ahead(case, strategy, quantity):
    result = run(case(strategy))
    (warning,) = result.warnings
    assert warning.startswith(f"look-ahead: strategy {strategy}: {quantity}")
    assert (
        warning.endswith("use later data; `bt-run check lookahead` says more")
        or "uses later data" in warning
    )
    assert result.manifest["look_ahead"]["verdict"] == "look-ahead"


def test_hidden_state_cannot_be_checked_and_is_reported(case):
    result = run(case("counts"))
    assert result.look_ahead.startswith(
        "not checked: strategy counts: asked again at 2000-"
    )
    (warning,) = [text for text in result.warnings if "state of its own" in text]
    assert warning.endswith(
        "return what must survive as a memo, `Proposal(values, memo={...})`, and read it from "
        "state.memo"
    )
    assert result.manifest["look_ahead"]["verdict"] == "own state"


def test_state_in_self_fails_the_check_with_the_memo_as_the_fix(case):
    found = check_lookahead(case("counts"), dates=3)
    assert (found.verdict, found.exit_code) == ("own state", 6)
    text = lookahead_text(found)
    assert "OWN STATE: strategy counts: asked again at " in text
    assert "as a memo, `Proposal(values, memo={...})`" in text


def test_a_run_without_early_signals_is_not_called_clean(case):
    assert (
        run(case("never")).look_ahead
        == "not checked: no decision with a signal in its first fifth"
    )


# -- the commands ----------------------------------------------------------------------------------


@pytest.fixture
def file(tmp_path):
    (tmp_path / "plugin.py").write_text(PLUGIN)
    path = tmp_path / "run.yaml"
    path.write_text(
        """
name: check
plugins: [plugin.py]
data:
  source: {use: sample, set: indices}
  assets: [NASDAQ, SP500]
  benchmark: SP500
  start: 2000-01-03
  end: 2003-12-31
strategy: average
sizer: equal_weight
schedule: week
"""
    )
    return str(path)


def test_the_commands_print_and_exit(file, capsys):
    assert main(["check", "lookahead", file]) == 0
    assert "clean: no signal" in capsys.readouterr().out
    assert (
        main(["check", "lookahead", file, "--set", "strategy=tomorrow", "--json"]) == 6
    )
    assert json.loads(capsys.readouterr().out)["verdict"] == "leak"
    assert main(["check", "lookahead", file, "--set", "strategy=never"]) == 7
    capsys.readouterr()
    assert main(["check", "warmup", file, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["need"] == 29


def test_a_mistake_in_the_file_is_reported_as_ever(file):
    with pytest.raises(ConfigError):
        check_lookahead(RunConfig(name="x", data={}, strategy="s"))
    assert main(["check", "lookahead", file, "--set", "strategy=averge"]) == 2
