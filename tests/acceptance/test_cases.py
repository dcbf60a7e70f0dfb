"""Small inputs that came out wrong elsewhere: each gives its right value or the right refusal.

The inputs lie in ``cases`` beside the shared data; each kind has tests with data of their own too.
"""

import os
import shutil
from pathlib import Path

import pytest

from bt_run import BtRunError, load_config, run

SHARED = os.environ.get("BT_RUN_SHARED_DATA")
CASES = Path(SHARED or ".").parent / "cases"

pytestmark = pytest.mark.skipif(
    not (SHARED and CASES.is_dir()), reason="BT_RUN_SHARED_DATA has no cases beside it"
)


def played(number, tmp_path, *overrides):
    """Run a case from a copy of its folder."""
    (folder,) = CASES.glob(f"{number:02d}_*")
    here = shutil.copytree(folder, tmp_path / folder.name)
    return run(load_config(here / "run.yaml", overrides))


def decided(result):
    return [f"{day:%Y-%m-%d}" for day in result.decisions["time"].unique()]


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (
            1,
            "adjHigh, adjLow, adjOpen, adjVolume, divCash, splitFactor, which look like adjust",
        ),
        (2, "write `dates: dayfirst` or `dates: monthfirst`"),
        (
            10,
            "interest rate fama_french: its newest row at 2021-12-31 is of 2018-11-01",
        ),
        (11, "found 4.5, which is 450%; write 0.045 for 4.5 %"),
        (
            17,
            "2 of 28 rows are no session of XNYS, the first on 2024-12-25 (Wednesday); they",
        ),
        (
            18,
            "dividend stands at 78 bars of the session 2023-01-05; expected it at one bar",
        ),
        (
            27,
            "open was nan at 2023-01-04; expected a price above 0; where there is none, no row",
        ),
        (
            28,
            "row 2, 2024-11-03 01:30:00, is no one time in America/New_York, whose clocks change",
        ),
        (
            29,
            "found columns Date, Price, Open, High, Low, Vol., Change %; expected close too",
        ),
    ],
)
def test_what_cannot_be_known_is_refused(number, text, tmp_path):
    with pytest.raises(BtRunError) as caught:
        played(number, tmp_path)
    assert text in str(caught.value)


@pytest.mark.parametrize(
    ("number", "metric", "column", "value"),
    [
        (3, "total_return", "benchmark", 0.03),
        (4, "total_return", "benchmark", 0.04),
        (5, "commission", "run", 1.50),
        (6, "total_return", "run", 0.10),
        (7, "total_return", "run", -0.20),
        (8, "total_return", "run", -1.5),
        (13, "cagr", "benchmark", 0.10),
        (14, "volatility", "run", 0.10),
        (21, "total_return", "run", 0.025),
        (24, "total_return", "benchmark", 0.075),
        (30, "total_return", "run", -0.5),
        (32, "total_return", "run", -0.2),
    ],
)
def test_the_number_is_right(number, metric, column, value, tmp_path):
    result = played(number, tmp_path)
    assert result.metrics[metric][column] == pytest.approx(value, abs=0.007)


def test_a_declared_order_of_dates_reads_january(tmp_path):
    result = played(2, tmp_path, "data.source.dates=dayfirst")
    assert f"{result.nav.index[-1]:%Y-%m-%d}" == "2023-01-11"


def test_named_columns_give_the_split_its_due(tmp_path):
    columns = "{dividend: divCash, split: splitFactor}"
    result = played(
        1,
        tmp_path,
        f"data.source.columns={columns}",
        "data.source.ignore=[adjClose, adjHigh, adjLow, adjOpen, adjVolume]",
        "data.source.prices=as_traded",
    )
    assert result.metrics["total_return"]["run"] == pytest.approx(-0.0099, abs=5e-4)


def test_a_vendors_name_stands_for_the_columns(tmp_path):
    result = played(1, tmp_path, "data.source.vendor=tiingo")
    assert result.metrics["total_return"]["run"] == pytest.approx(-0.0099, abs=5e-4)


def test_commas_suffixes_and_newest_first_are_read_once_the_vendor_is_named(tmp_path):
    keys = ("vendor=investing", "dates=dayfirst")
    own = [f"data.source.{key}" for key in keys]
    result = played(29, tmp_path, *own, "data.start=2023-01-09")
    # 1000.50 on 9 January to 1002.50 on the 11th
    assert result.metrics["total_return"]["benchmark"] == pytest.approx(2.0 / 1000.5)


def test_rows_in_utc_are_the_sessions_of_their_exchange(tmp_path):
    days = [f"{day:%Y-%m-%d %a}" for day in played(4, tmp_path).closes.index]
    assert days[0] == "2023-08-09 Wed"
    assert not [day for day in days if day.endswith(("Sat", "Sun"))]


def test_a_halt_is_held_through(tmp_path):
    assert played(6, tmp_path).nav["nav"].iloc[-1] == pytest.approx(1100.0)
    fills = played(7, tmp_path).fills
    assert (fills["filled"] > 0).all()  # nothing was sold


def test_ruin_ends_the_run(tmp_path):
    result = played(8, tmp_path)
    assert result.nav["nav"].iloc[-1] == pytest.approx(-500.0)
    assert result.manifest["ruined"]
    assert result.metrics["volatility"]["run"] is None


def test_a_closure_that_nobody_knew_is_not_known(tmp_path):
    assert "2001-09-10" not in decided(played(9, tmp_path))
    assert "2001-09-17" in decided(played(9, tmp_path / "again"))


def test_the_note_names_the_side_without_dividends(tmp_path):
    notes = played(12, tmp_path).notes
    assert [
        note
        for note in notes
        if note.startswith("the benchmark GSPC is a price return")
    ]


def test_the_weight_follows_from_the_bars_a_year(tmp_path):
    targets = played(14, tmp_path).decisions["target"]
    assert targets.median() == pytest.approx(0.32, abs=0.03)


def test_tickers_keep_their_zeros(tmp_path):
    assert played(15, tmp_path).config.data.symbols["PAB"] == "000001"


def test_a_calendar_is_not_asked_beyond_the_data(tmp_path):
    assert f"{played(16, tmp_path).nav.index[-1]:%Y-%m-%d}" == "2026-11-20"


def test_a_share_dearer_than_its_weight_has_a_row(tmp_path):
    (row,) = played(19, tmp_path).fills.to_dict("records")
    assert (row["filled"], row["reason"]) == (
        0.0,
        "one share costs more than its weight",
    )
    assert row["asked"] == pytest.approx(100_000 / 470_003)


def test_the_window_shown_is_the_one_that_was_played(tmp_path):
    assert played(20, tmp_path).period == "2020-03-02 to 2020-08-31"


def test_only_complete_weeks_are_bars(tmp_path, capfd):
    played(22, tmp_path)
    weeks = [
        line.split() for line in capfd.readouterr().out.splitlines() if "WEEK" in line
    ]
    whole = [week for week in weeks if week[1] == "2024-04-09"]
    assert [week[2] for week in whole] == ["3"]


@pytest.mark.parametrize(("number", "sessions"), [(23, 26), (25, 1), (26, 3)])
def test_what_was_right_stays_right(number, sessions, tmp_path):
    assert len(played(number, tmp_path).closes) == sessions


def test_a_fill_in_a_bar_without_volume_is_told(tmp_path):
    assert [
        text for text in played(30, tmp_path).warnings if "whose volume is 0" in text
    ]


def test_a_decision_at_the_end_of_a_month_can_still_fill_in_it(tmp_path):
    result = played(31, tmp_path)
    decided_at = result.decisions["time"].unique()[0]
    filled_at = result.fills["time"].iloc[0]
    assert (decided_at.month, filled_at.month) == (1, 1)


def test_a_bars_volume_is_shared(tmp_path):
    fills = played(32, tmp_path).fills
    by_bar = fills["filled"].abs().groupby(fills["time"]).sum()
    assert by_bar.tolist() == [300.0, 100.0, 100.0, 100.0]
