"""What was held: by name where there are few, by rank where there are many."""

from __future__ import annotations

import numpy as np
import pytest

from bt_run_plugins.reports.html.holdings import (
    _concentration_words,
    _ranked_bands,
    effective_number,
)

# one of 0.2, four of 0.1, and sixty that share the rest of 0.6 less the short
WEIGHTS = np.array([[0.2, *[0.1] * 4, *[0.4 / 60] * 60, -0.05]])


def test_many_holdings_are_summed_by_rank() -> None:
    found = {band.label: band.values[0] for band in _ranked_bands(WEIGHTS)}
    share = 0.4 / 60
    assert found == pytest.approx(
        {
            "largest": 0.2,
            "2nd to 5th": 0.4,
            "6th to 10th": 5 * share,
            "11th to 20th": 10 * share,
            "21st to 50th": 30 * share,
            "all others": 15 * share,
            "shorts": -0.05,
        }
    )


def test_the_ranks_of_each_day_are_its_own() -> None:
    turned = np.vstack([WEIGHTS[0], WEIGHTS[0][::-1]])
    largest, *_ = _ranked_bands(turned)
    np.testing.assert_allclose(largest.values, [0.2, 0.2])


def test_without_shorts_there_is_no_band_for_them() -> None:
    labels = [band.label for band in _ranked_bands(np.abs(WEIGHTS))]
    assert labels[-1] == "all others"


@pytest.mark.parametrize(
    ("weights", "number"),
    [
        ([0.25] * 4, 4.0),
        ([0.5, -0.5], 2.0),
        ([1.0, 0.0], 1.0),
        ([0.6, 0.2, 0.2], 1 / 0.44),
        ([0.0], 0.0),
    ],
)
def test_the_effective_number_counts_equal_holdings(
    weights: list[float], number: float
) -> None:
    assert effective_number(np.array(weights)) == pytest.approx(number)


def test_concentration_is_said_of_the_last_day() -> None:
    equal = np.vstack([np.eye(50)[0], np.full(50, 0.02)])
    assert _concentration_words(equal) == (
        "At the end 50 assets were held, the ten largest made up 20% of the gross exposure, and "
        "it was as spread as 50 equal holdings."
    )
    assert _concentration_words(0.0 * equal) == "At the end nothing was held."
