"""Tables, series and universes in a whole run: told in the result, part of its identity, blind to
the future.
"""

import numpy as np
import pandas as pd
import pytest
from kit import market as made

from bt_run import ConfigError, DataError, PluginError, RunConfig, run
from bt_run.backtest.preparing import prepare

PLUGIN = """
import numpy as np
from bt_run import Component, Config, hookimpl

class Empty(Config):
    pass

class Quality:
    "Hold the names of quality while the rate is low; vectorised."
    def __init__(self, config, context): pass
    def signals(self, bars):
        good = np.nan_to_num(bars.table("quality")) >= 5
        calm = np.nan_to_num(bars.series("rate"), nan=9.0) < 5
        return np.where(bars.tradable, good * calm[:, None], np.nan)

class QualityNow:
    "The same, event by event."
    def __init__(self, config, context): pass
    def signal(self, state):
        now = state.history
        good = np.nan_to_num(now.table("quality")) >= 5
        calm = np.nan_to_num(now.series("rate"), nan=9.0)[-1] < 5
        return np.where(now.tradable, good * calm, np.nan)

class Rates:
    def __init__(self, config, context): pass
    def load(self, request): return 5
    def series(self, symbol, request):
        times = np.array(["2001-01-01", "2002-01-01"], dtype="datetime64[ns]")
        return (times, np.array([1.0, 2.0])) if symbol == "R" else (times, np.array([1.0]))

def offer(name, build):
    return Component(name=name, config=Empty, build=build, summary=name)

@hookimpl
def bt_strategies():
    return [offer("quality", Quality), offer("quality_now", QualityNow)]

@hookimpl
def bt_sources():
    return [offer("rates", Rates)]
"""


def quality(end="2004-01-01"):
    """A score of each stock every 40 days, and a rate every 15."""
    rng = np.random.default_rng(5)
    days = pd.bdate_range("2000-12-01", "2003-12-31")
    scores = pd.DataFrame(
        [
            (name, day, int(rng.integers(1, 10)))
            for day in days[::40]
            for name in made.NAMES
        ],
        columns=["ticker", "date", "score"],
    )
    rate = pd.DataFrame(
        {"DATE": days[::15], "DGS10": rng.uniform(3, 6, len(days[::15])).round(2)}
    )
    return scores[scores["date"] <= end], rate[rate["DATE"] <= end]


MEMBERSHIPS = "ticker,start,end\n" + "".join(
    f"{name},1999-01-01,\n" for name in made.NAMES if name != "ALFA"
)
MEMBERSHIPS += "ALFA,1999-01-01,2001-09-03\nALFA,2002-03-04,2003-02-03\n"


def write(folder, frames, end="2004-01-01"):
    made.write(frames, folder / "prices")
    scores, rate = quality(end)
    scores.to_csv(folder / "quality.csv", index=False)
    rate.to_csv(folder / "rate.csv", index=False)
    memberships = MEMBERSHIPS
    if end < "2004":
        kept = [row.split(",") for row in MEMBERSHIPS.splitlines()[1:]]
        rows = [
            (t, start, stop if stop <= end else "")
            for t, start, stop in kept
            if start <= end
        ]
        memberships = "ticker,start,end\n" + "".join(
            ",".join(row) + "\n" for row in rows
        )
    (folder / "members.csv").write_text(memberships)
    (folder / "plugin.py").write_text(PLUGIN)
    return folder


def config(folder, strategy="quality", end="2003-12-31", **data):
    parts = {
        "source": {
            "use": "parquet",
            "path": str(folder / "prices"),
            "prices": "as_traded",
        },
        "assets": list(made.NAMES),
        "benchmark": "INDEX",
        "calendar": "24/5",
        "start": "2001-03-05",
        "end": end,
        "tables": {
            "quality": {"file": str(folder / "quality.csv"), "lag": 2},
            "rate": {"file": str(folder / "rate.csv"), "lag": 1},
        },
        "universe": {"file": str(folder / "members.csv"), "name": "six stocks"},
    } | data
    return RunConfig(
        name="pit",
        plugins=[str(folder / "plugin.py")],
        data=parts,
        strategy=strategy,
        sizer={"use": "equal_weight"},
        schedule="week",
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write(tmp_path_factory.mktemp("pit"), made.market())


def decided(result, until):
    table = result.decisions[result.decisions["time"] <= until]
    return table.reset_index(drop=True)


def test_vectorised_and_event_by_event_see_the_same(folder):
    one, other = run(config(folder)), run(config(folder, "quality_now"))
    pd.testing.assert_frame_equal(one.fills, other.fills)
    assert (one.fills["filled"] != 0).sum() > 50


def test_the_future_of_tables_and_members_changes_nothing(folder, tmp_path):
    whole = run(config(folder))
    rng = np.random.default_rng(2)
    days = pd.DatetimeIndex(
        rng.choice(whole.decisions["time"].unique()[3:-3], 12, replace=False)
    ).tz_localize(None)
    for number, day in enumerate(days):
        cut = {
            name: frame[frame["date"] <= day] for name, frame in made.market().items()
        }
        later = {
            name: frame if len(frame) else made.market()[name].head(1)
            for name, frame in cut.items()
        }
        end = str(day.date())
        early = run(config(write(tmp_path / str(number), later, end), end=end))
        stamp = pd.Timestamp(day)
        pd.testing.assert_frame_equal(decided(early, stamp), decided(whole, stamp))


def test_who_leaves_is_sold_and_reported(folder):
    result = run(config(folder))
    table = result.decisions[result.decisions["asset"] == "ALFA"].set_index("time")
    out = table["2001-09-03":"2002-03-01"]
    assert (out["reason"] == "not in the universe").all()
    assert (out["target"] == 0).all()
    held = result.positions[result.positions["asset"] == "ALFA"].set_index("time")[
        "shares"
    ]
    assert held["2001-09-15":"2002-03-04"].empty
    assert any(
        "six stocks: share of its members with prices, by year: 2001 " in note
        for note in result.notes
    )


def test_a_value_in_a_table_is_part_of_a_runs_identity(folder, tmp_path):
    first = prepare(config(folder)).fingerprint
    again = prepare(config(write(tmp_path, made.market()))).fingerprint
    assert first == again
    text = (tmp_path / "quality.csv").read_text()
    (tmp_path / "quality.csv").write_text(
        text.replace("ALFA,2001-01-26,", "ALFA,2001-01-26,1")
    )
    assert prepare(config(tmp_path)).fingerprint != first


def test_a_series_comes_from_another_source_and_a_revised_one_is_reported(folder):
    tables = {
        "quality": {"file": str(folder / "quality.csv"), "lag": 2, "revised": True},
        "rate": {"symbol": "R", "source": "rates", "lag": 0},
    }
    ready = prepare(config(folder, tables=tables))
    assert set(ready.bars.series("rate")[5:]) == {1.0, 2.0}
    assert (
        "quality holds later revisions: results that use it are optimistic"
        in ready.bars.notes
    )
    again = run(ready.config)
    assert again.manifest["config"]["data"]["tables"]["rate"]["source"] == {
        "use": "rates"
    }


def test_what_cannot_be_a_series_is_reported(folder):
    def with_rate(**rate):
        return config(folder, tables={"rate": {"lag": 0} | rate})

    with pytest.raises(
        PluginError,
        match=r"series\(\) returned shapes \(2,\) and \(1,\); expected \(n,\) twice",
    ):
        prepare(with_rate(symbol="S", source="rates"))
    with pytest.raises(ConfigError, match="no source 'ratse' is installed"):
        prepare(with_rate(symbol="S", source="ratse"))
    with pytest.raises(
        ConfigError,
        match=r"strategy 'quality': no table 'quality'; data.tables has rate|no table 'quality'",
    ):
        run(with_rate(symbol="R", source="rates"))


def test_a_universe_without_any_asset_of_the_run_is_refused(folder, tmp_path):
    (tmp_path / "members.csv").write_text("ticker,start,end\nZZZ,1999-01-01,\n")
    with pytest.raises(
        ConfigError,
        match="no asset of the run is ever a member between 2001-03-05 and 2003-12-31",
    ):
        prepare(config(folder, universe={"file": str(tmp_path / "members.csv")}))


def test_a_bundle_with_its_data_holds_tables_and_members_too(folder, tmp_path):
    from shutil import copytree, rmtree

    from bt_run.checks.reproduction import reproduce
    from bt_run.results.bundle import pack_run

    copytree(folder, tmp_path / "here")
    result = run(
        config(tmp_path / "here", end="2001-12-31"), tmp_path / "runs", reports=False
    )
    pack_run(result.folder, tmp_path / "run.zip", with_data=True)
    rmtree(tmp_path / "here")
    assert reproduce(tmp_path / "run.zip", agree=lambda found: None).identical
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "plugin.py").write_text(PLUGIN)
    copytree(folder / "prices", tmp_path / "here" / "prices")
    with pytest.raises(
        DataError,
        match=r"the table .*quality\.csv of the run is gone; pack without --with-data",
    ):
        pack_run(result.folder, tmp_path / "again.zip", with_data=True)
