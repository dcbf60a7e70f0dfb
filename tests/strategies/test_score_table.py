"""The strategy `score_table`: tables to scores."""

from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest

from bt_run import BuildContext
from bt_run.data.known import Table
from bt_run.testing import make_bars
from bt_run_strategies.score_table import ScoreTable, ScoreTableConfig

NAN = np.nan


def bars_with(**tables):
    bars = make_bars({name: [1.0, 1.1, 1.0, 1.1, 1.0] for name in "ABC"})
    made = {}
    for name, values in tables.items():
        both = np.array([[NAN] * 3, values], dtype=float)
        made[name] = Table(both, np.array([0, 0, 0, 1, 1]))
    return replace(bars, tables=MappingProxyType(made))


def scores(bars, **config):
    built = ScoreTable(ScoreTableConfig(**config), BuildContext(costs=None))
    assert built.gives == "score"
    return built, built.signals(bars)


def test_a_table_in_units_of_risk_already_is_only_standardised():
    built, z = scores(
        bars_with(alpha=[1.0, 3.0, NAN]), horizons=[{"table": "alpha"}], sigma=None
    )
    assert built.reads == {"alpha": "number"}
    assert np.isnan(z[2]).all()
    np.testing.assert_array_equal(z[3], [-1.0, 1.0, NAN])


def test_horizons_are_over_their_risk_and_merged_by_weight():
    bars = bars_with(near=[0.1, 0.3, 0.2], far=[0.4, NAN, 0.4])
    _, z = scores(
        bars,
        horizons=[
            {"table": "near", "bars": 1, "weight": 3.0},
            {"table": "far", "bars": 4},
        ],
        sigma=3,
        standard="raw",
    )
    sigma = np.std([0.1, 1 / 1.1 - 1, 0.1], ddof=1)
    expected = np.array([(0.3 + 0.2) / 4, 0.3, (0.6 + 0.2) / 4]) / sigma
    np.testing.assert_allclose(z[3], expected)


def test_a_table_stands_once():
    with pytest.raises(ValueError, match="the table 'a' stands 2 times; expected one"):
        ScoreTableConfig(horizons=[{"table": "a"}, {"table": "a"}])
