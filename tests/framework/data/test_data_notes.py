"""What a reader must know about the data: the side that lacks dividends."""

from datetime import date

import pytest

from bt_run import LoadRequest, assemble_bars
from bt_run.testing import make_rows

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
