"""What a reader must know about the data: the side that lacks dividends."""

from datetime import date

import numpy as np
import pytest

from bt_run import LoadRequest, assemble_bars
from bt_run.data.data_notes import survivors_note
from bt_run.testing import make_bars, make_rows

PAYS = {"dividend": [0.0, 0.5, 0.0]}
BARE = "the benchmark INDEX is a price return: its data have no dividends"


def notes(asset: dict[str, list[float]], benchmark: dict[str, list[float]]) -> str:
    request = LoadRequest(
        assets={"FUND": "FUND"},
        benchmark=("INDEX", "INDEX"),
        start=date(2020, 1, 1),
        end=date(2020, 1, 3),
    )
    rows = {"FUND": make_rows([10, 10, 10], **asset)}
    other = make_rows([10, 10, 10], **benchmark)
    return "\n".join(assemble_bars(request, rows, other, prices="as_traded").notes)


def test_a_benchmark_without_dividends_beside_assets_with_them_is_noted() -> None:
    assert f"{BARE}, while those of FUND count" in notes(PAYS, {})


@pytest.mark.parametrize("benchmark", [PAYS, {"adj_close": [10.0, 10.5, 10.5]}])
def test_a_benchmark_whose_dividends_count_is_not(
    benchmark: dict[str, list[float]],
) -> None:
    assert BARE not in notes(PAYS, benchmark)


def test_where_both_sides_lack_them_the_assets_are_named() -> None:
    found = notes({}, {})
    assert BARE not in found
    assert "price return only: the data of all assets have no dividends" in found


def test_assets_without_dividends_beside_a_benchmark_with_them_are_named() -> None:
    assert "price return only: the data of all assets have no dividends" in notes(
        {}, PAYS
    )


@pytest.mark.parametrize(
    ("assets", "years", "told"), [(10, 6, True), (9, 6, False), (10, 4, False)]
)
def test_many_assets_that_all_survived_a_long_run_are_told(assets, years, told):
    closes = [1.0] * (261 * years)
    bars = make_bars({f"S{number}": closes for number in range(assets)})
    notes = survivors_note(bars)
    assert bool(notes) == told
    if told:
        assert notes[0].startswith(
            "all 10 assets still trade at the end of 6 years, and no univ"
        )


def test_one_asset_that_ended_makes_a_list_of_more_than_survivors():
    closes = [1.0] * (261 * 6)
    ended = [1.0] * 1000 + [np.nan] * (261 * 6 - 1000)
    assets = {f"S{number}": closes for number in range(12)} | {"GONE": ended}
    assert survivors_note(make_bars(assets)) == ()
