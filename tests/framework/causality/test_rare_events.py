"""Bars beside rare events, where a rare leak shows."""

from dataclasses import replace

import numpy as np

from bt_run.causality.rare_events import rare_bars, spread
from bt_run.testing import make_bars, make_rows

NAN = np.nan


def test_they_lie_after_listings_before_actions_and_gaps_and_at_ends_of_periods():
    closes = np.arange(1.0, 301.0)
    late, gone = closes.copy(), closes.copy()
    late[:100] = NAN
    gone[150:153] = NAN
    bars = make_bars(
        {
            name: make_rows(rows)
            for name, rows in zip("ABC", (closes, late, gone), strict=True)
        }
    )
    splits = np.ones(bars.close.shape)
    splits[200, 0] = 2.0
    listings, actions, gaps, years, *_ = rare_bars(replace(bars, splits=splits))
    assert listings.tolist() == [100, 101, 103, 110, 121, 142]
    assert actions.tolist() == [195, 197, 198, 199]
    assert gaps.tolist() == [151, 152]
    end = int(np.searchsorted(bars.sessions, np.datetime64("2021-01-01"))) - 1
    assert years.tolist() == [end - 1, end]


def test_splits_of_units_are_seen_in_what_they_are_on_the_market():
    bars = make_bars({"A": np.arange(1.0, 101.0)})
    shares = np.ones((100, 1))
    shares[60:] = 0.5
    kinds = rare_bars(replace(bars, market_shares=shares))
    assert any(kind.tolist() == [55, 57, 58, 59] for kind in kinds)


def test_a_few_are_spread_over_all():
    assert spread(np.arange(100), 3).tolist() == [0, 50, 99]
    assert spread(np.arange(3), 9).tolist() == [0, 1, 2]
