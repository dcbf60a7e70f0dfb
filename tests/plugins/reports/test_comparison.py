"""The report comparison: its numbers are the run's, its pictures show what they say, its bytes
repeat.
"""

from dataclasses import replace
from types import SimpleNamespace

import matplotlib
import numpy as np
import pandas as pd
import pytest
from kit.places import EXAMPLES
from matplotlib.figure import Figure
from PIL import Image

from bt_run import RunConfig, run
from bt_run.cli.console import report_table
from bt_run.cli.entry import show_result
from bt_run_plugins.reports.comparison import (
    COMPARED,
    BenchmarkComparison,
    comparison_table,
    draw_clone_vs_benchmark,
    draw_tracking_error,
    draw_weight_evolution,
    picture_file,
    png,
    rolling_tracking_error,
)

NAMES = [f"S{i:02d}" for i in range(16)]


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    folder = tmp_path_factory.mktemp("prices")
    rng = np.random.default_rng(4)
    days = pd.bdate_range("2020-01-01", periods=420)
    market = rng.normal(0.0004, 0.01, 420)
    for name in [*NAMES, "INDEX"]:
        moves = market + rng.normal(0, 0.012 if name != "INDEX" else 0.001, 420)
        pd.DataFrame({"date": days, "close": 50 * np.cumprod(1 + moves)}).to_parquet(
            folder / f"{name}.parquet"
        )
    config = RunConfig(
        name="clone",
        data={
            "source": {"use": "parquet", "path": str(folder)},
            "assets": NAMES,
            "benchmark": "INDEX",
            "calendar": "24/5",
            "start": "2020-06-01",
            "end": "2021-06-30",
        },
        strategy="buy_and_hold",
        sizer={"use": "qp_tracker", "lookback": 100},
        schedule="month",
        broker={
            "use": "simulated",
            "fill": "next_close",
            "commission": {"bps": 2},
            "slippage": {"bps": 1},
        },
    )
    return run(config)


def test_the_table_holds_the_metrics_of_the_run(result):
    table = comparison_table(result)
    assert table.index.tolist() == ["run", "benchmark", "equal_weight"]
    assert table.columns.tolist() == list(COMPARED)
    assert table.loc["run", "tracking_error"] == result.metrics["tracking_error"]["run"]
    assert table.loc["run", "turnover_two_way"] == pytest.approx(
        2 * table.loc["run", "turnover_one_way"]
    )
    assert table.loc["run", "costs"] > 0
    assert np.isnan(table.loc["benchmark", "costs"])
    assert table.loc["benchmark", "tracking_error"] == 0.0


def test_the_rolling_tracking_error_is_that_of_63_sessions_by_hand(result):
    nav, index = (result.closes[name].to_numpy() for name in ("nav", "benchmark"))
    d = (nav[1:] / nav[:-1]) - (index[1:] / index[:-1])
    rolled = rolling_tracking_error(result)
    assert rolled.iloc[:62].isna().all()
    assert rolled.iloc[62] == pytest.approx(np.sqrt(252 * np.mean(d[:63] ** 2)))
    assert rolled.iloc[-1] == pytest.approx(np.sqrt(252 * np.mean(d[-63:] ** 2)))


def test_the_files_are_written_and_repeat_to_the_byte(result, tmp_path):
    settings = dict(matplotlib.rcParams)
    paths = BenchmarkComparison().write(result, tmp_path)
    assert [p.name for p in paths] == [
        "strategy_comparison.csv",
        picture_file(result, "clone_vs_benchmark"),
        "tracking_error.png",
        "weight_evolution.png",
    ]
    assert dict(matplotlib.rcParams) == settings
    first = [path.read_bytes() for path in paths]
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "pink"}):
        again = BenchmarkComparison().write(result, tmp_path)
    assert [path.read_bytes() for path in again] == first
    read = pd.read_csv(paths[0], index_col="strategy")
    pd.testing.assert_frame_equal(read, comparison_table(result), check_exact=True)
    with Image.open(paths[1]) as picture:
        assert picture.size == (1500, 750)


@pytest.mark.parametrize(
    ("benchmark", "name"),
    [
        ("SPY", "clone_vs_spy.png"),
        ("BRK.B", "clone_vs_brk_b.png"),
        ("^", "clone_vs_benchmark.png"),
    ],
)
def test_the_picture_carries_the_name_of_the_benchmark(benchmark, name):
    config = SimpleNamespace(data=SimpleNamespace(benchmark=benchmark))
    made = SimpleNamespace(config=config)
    assert picture_file(made, "clone_vs_benchmark") == name
    assert picture_file(made, "tracking_error") == "tracking_error.png"


def axes():
    return Figure().add_subplot()


def test_the_growth_picture_shades_both_signs(result):
    ax = axes()
    draw_clone_vs_benchmark(result, ax)
    own = result.closes["nav"] / result.closes["nav"].iloc[0]
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), own)
    assert [c.get_label() for c in ax.collections] == ["ahead", "behind"]
    assert ax.get_yscale() == "linear"


def test_the_picture_of_the_tracking_error_shows_the_whole_run_too(result):
    ax = axes()
    draw_tracking_error(result, ax)
    whole = result.metrics["tracking_error"]["run"]
    assert ax.lines[1].get_ydata()[0] == whole
    assert ax.get_legend_handles_labels()[1] == [f"whole run {whole:.2%}"]
    assert ax.get_ylim()[0] == 0.0


def test_the_weights_are_stacked_to_one(result):
    ax = axes()
    draw_weight_evolution(result, ax)
    labels = ax.get_legend_handles_labels()[1]
    assert len(labels) == 14
    assert labels[-2:] == [
        f"{len(result.positions['asset'].unique()) - 12} others",
        "cash",
    ]
    top = ax.collections[-1].get_paths()[0].vertices[:, 1].max()
    assert top == pytest.approx(1.0, abs=1e-9)


def test_the_console_shows_a_reports_table(result, tmp_path, capsys):
    written = replace(
        result,
        reports=tuple(BenchmarkComparison().write(result, tmp_path)),
        folder=tmp_path,
    )
    show_result(written, verbose=False)
    out = capsys.readouterr().out
    table = out[out.index("strategy comparison\n") :].splitlines()
    assert table[1].split() == ["run", "benchmark", "equal", "weight"]
    line = next(text for text in table if text.startswith("Tracking error per year"))
    assert line.split()[4] == f"{result.metrics['tracking_error']['run']:.2%}"
    assert next(text for text in table if text.startswith("Costs")).split()[2] == "n/a"


def test_a_table_of_other_words_is_shown_as_it_is(tmp_path):
    path = tmp_path / "sectors.csv"
    path.write_text("sector,weight,note\nA,0.5,\nB_C,0.25,small\n", encoding="utf-8")
    assert (
        report_table(path)
        == "          A    B C\nweight  0.5   0.25\nnote         small"
    )
    path.write_text("", encoding="utf-8")
    assert report_table(path) == ""


def test_the_page_shows_the_pictures_of_a_run_that_names_the_comparison():
    from base64 import b64decode

    from bt_run import load_config, run
    from bt_run_plugins.reports.html.report import page_of_run
    from bt_run_plugins.reports.html.tracking import tracking_sections

    example = EXAMPLES / "spy_qqq.yaml"
    plain = run(load_config(example, ["data.end=2001-12-31"]))
    assert tracking_sections(plain) == ()
    named = run(
        load_config(example, ["data.end=2001-12-31", "reports=[html, comparison]"])
    )
    (section,) = tracking_sections(named)
    pictures = section.parts
    assert [b64decode(picture.data)[:8] for picture in pictures] == [
        b"\x89PNG\r\n\x1a\n"
    ] * 3
    text = page_of_run(named)
    assert text.count("data:image/png;base64,") == 3
    assert all(f'alt="{picture.title}. ' in text for picture in pictures)


def test_a_picture_carries_the_notes_on_its_data(result):
    """A picture is passed on alone."""
    bare = replace(result, notes=())
    told = replace(result, notes=("SPY is a stand-in",))
    pictures = [png(one, draw_tracking_error, dpi=60) for one in (bare, told)]
    assert pictures[0] != pictures[1]
    assert pictures[1] == png(told, draw_tracking_error, dpi=60)
