"""Features are pure functions of the last rows: all at once and alone they give the same bits."""

from __future__ import annotations

import numpy as np
import pytest

from bt_run_plugins.learning.features import (
    BOOK,
    BOOK_ROWS,
    SERIES_ROWS,
    book_features,
    series_features,
)

RNG = np.random.default_rng(5)
RETURNS = RNG.normal(0.0003, 0.01, (900, 4))
WEIGHTS = np.abs(RNG.normal(0.2, 0.05, (900, 4)))
LEVEL = np.cumsum(RNG.normal(0.0, 0.1, 900))


@pytest.mark.parametrize("t", [251, 400, 899])
def test_a_book_alone_gives_the_same_bits(t) -> None:
    every = book_features(WEIGHTS, RETURNS).values
    alone = book_features(WEIGHTS[t : t + 1], RETURNS[t + 1 - BOOK_ROWS : t + 1]).values
    assert every[t].tobytes() == alone[0].tobytes()
    moved = RETURNS.copy()
    moved[t + 1 :] = 9.0
    assert book_features(WEIGHTS, moved).values[t].tobytes() == every[t].tobytes()


@pytest.mark.parametrize("t", [503, 700, 899])
def test_a_series_alone_gives_the_same_bits(t) -> None:
    every = series_features({"a": LEVEL}, {"a": 0}).values
    own = LEVEL[t + 1 - SERIES_ROWS : t + 1]
    alone = series_features({"a": own}, {"a": 0}).values
    assert every[t].tobytes() == alone[-1].tobytes()
    assert np.isnan(every[:503, 0]).all()


def test_a_book_in_one_asset_has_the_features_of_its_price() -> None:
    weights = np.zeros((900, 4))
    weights[:, 2] = 1.0
    found = dict(zip(BOOK, book_features(weights, RETURNS).values[-1], strict=True))
    price = np.cumprod(1.0 + RETURNS[:, 2])
    assert found["return 21"] == pytest.approx(np.log(price[-1] / price[-22]))
    high = max(price[-252:].max(), price[-253])
    assert found["drawdown 252"] == pytest.approx(price[-1] / high - 1.0)
    mean = price[-200:].mean()
    assert found["distance to mean 200"] == pytest.approx(price[-1] / mean - 1.0)
    logs = np.log1p(RETURNS[-63:, 2])
    assert found["volatility 63"] == pytest.approx(np.sqrt((logs**2).mean() * 252))
    down = np.minimum(logs, 0.0)
    assert found["downside volatility 63"] == pytest.approx(
        np.sqrt((down**2).mean() * 252)
    )


def test_what_is_not_known_is_no_number() -> None:
    hole = RETURNS.copy()
    hole[700, 1] = np.nan
    values = book_features(WEIGHTS, hole).values
    assert np.isnan(values[700:]).any(axis=1).all()
    assert np.isfinite(values[251:700]).all()
    without = WEIGHTS.copy()
    without[:, 1] = 0.0
    assert np.isfinite(book_features(without, hole).values[251:]).all()
