"""How metrics are written."""

from __future__ import annotations

import pytest

from bt_run.results.metric_definitions import format_metric, growth_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.2344, "123.44%"),
        (-0.5, "-50.00%"),
        (9.99, "999.00%"),
        (10.0, "11x"),
        (121.5493, "123x"),
        (4999.0, "5,000x"),
    ],
)
def test_what_grew_many_times_is_told_in_times(value: float, text: str) -> None:
    assert growth_text(value) == text
    assert format_metric("total_return", value) == text


def test_a_weight_stays_in_per_cent() -> None:
    assert format_metric("average_gross", 10.0) == "1000.00%"
    assert format_metric("cagr", None) == "n/a"
