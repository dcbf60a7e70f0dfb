"""The statistics of round trips against pyfolio's."""

import warnings

import numpy as np
import pandas as pd
import pytest

from bt_run_plugins.reports.tear_sheet.trip_statistics import BLOCKS, trip_rows


def made_trips(profits, long):
    count = len(profits)
    days = pd.to_timedelta(np.arange(1, count + 1), unit="D")
    return pd.DataFrame(
        {
            "pnl": profits,
            "returns": np.array(profits) / 1000.0,
            "duration": days,
            "days": np.arange(1.0, count + 1.0),
            "long": long,
            "symbol": "A",
        }
    )


TRIPS = {
    "both sides": made_trips(
        [5.0, -2.0, 0.0, 7.0, -1.0, 3.0], [True, False, True, True, False, True]
    ),
    "no loss": made_trips([5.0, 2.0], [True, True]),
}


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("kind", TRIPS)
def test_statistics_are_those_of_pyfolio(block, kind):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pyfolio import round_trips

        theirs = round_trips.gen_round_trip_stats(TRIPS[kind])[block]
    heads, rows = trip_rows(TRIPS[kind], block, repr)
    assert heads == [str(name).lower() for name in theirs.columns]
    for (name, *texts), (their_name, *values) in zip(
        rows, theirs.itertuples(name=None), strict=True
    ):
        assert name == their_name.replace("_", " ")
        for text, value in zip(texts, values, strict=True):
            if block == "duration":
                value = value / pd.Timedelta(days=1)
            if name == "Percent profitable":
                value = 100 * value
            found = np.nan if text == "n/a" else float(text)
            assert found == pytest.approx(float(value), nan_ok=True)
