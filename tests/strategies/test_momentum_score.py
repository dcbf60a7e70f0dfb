"""The strategy `momentum_score`: returns of several horizons over their risk."""

import numpy as np
import pytest

from bt_run import BuildContext
from bt_run.testing import make_bars
from bt_run_strategies.momentum_score import MomentumScore, MomentumScoreConfig

CLOSES = {"A": [100.0, 110.0, 99.0, 108.9], "B": [50.0, 50.5, 50.0, 51.0]}


def scores(**config):
    built = MomentumScore(MomentumScoreConfig(**config), BuildContext(costs=None))
    assert built.gives == "score"
    return built.signals(make_bars(CLOSES))


def test_returns_are_over_the_risk_of_their_horizon():
    z = scores(
        horizons=[{"lookback": 3}, {"lookback": 2, "skip": 1}], sigma=3, standard="raw"
    )
    sigma = np.std([0.1, -0.1, 0.1], ddof=1)
    three, one = 0.089 / (sigma * np.sqrt(3)), -0.1 / sigma
    assert z[3, 0] == pytest.approx((three + one) / 2)
    assert np.isnan(z[:3]).all()


def test_the_better_of_two_names_is_one_deviation_above_their_mean():
    z = scores(horizons=[{"lookback": 3}], sigma=3)
    np.testing.assert_allclose(z[3], [-1.0, 1.0])


def test_something_is_left_of_a_horizon():
    with pytest.raises(ValueError, match="skip was 5 and lookback 5; expected skip <"):
        MomentumScoreConfig(horizons=[{"lookback": 5, "skip": 5}])
