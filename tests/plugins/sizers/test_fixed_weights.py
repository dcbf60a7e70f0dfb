"""Fixed weights against hand calculations."""

from pathlib import Path

import numpy as np
import pytest
from kit.configured import folder_of_files
from kit.two_assets import context, state

import bt_run
from bt_run import ConfigError
from bt_run_plugins.sizers.fixed_weights import FixedWeights, FixedWeightsConfig

NAN = np.nan


def sizer(limits=None, **weights):
    return FixedWeights(FixedWeightsConfig(weights=weights), context(**limits or {}))


@pytest.mark.parametrize(
    ("signals", "expected"),
    [
        ((1, 1), [0.6, 0.3]),
        ((0.5, 0), [0.3, 0.0]),
        ((NAN, 1), [0.0, 0.3]),  # not eligible: its weight is cash
    ],
)
def test_weights_are_times_exposure(signals, expected):
    made = sizer(A=0.6, B=0.3)
    assert made.target_weights(state(signals=signals)) == pytest.approx(expected)


def test_an_asset_without_a_weight_is_not_held():
    weights = sizer(B=1.0).target_weights(state(signals=(1, 1)))
    assert weights.tolist() == [0.0, 1.0]


def test_weights_above_the_gross_limit_are_refused():
    with pytest.raises(
        ConfigError,
        match=r"sizer\.weights: their sizes sum to 100; expected at most .* 1; ",
    ):
        sizer(A=60, B=40)
    assert sizer({"gross": 1.5, "short": True}, A=1.0, B=-0.5).weights["B"] == -0.5


def test_a_short_needs_to_be_allowed():
    with pytest.raises(
        ConfigError, match=r"sizer\.weights\.B: was -0\.2; expected 0 or more"
    ):
        sizer(A=0.6, B=-0.2)


def test_a_weight_above_the_limit_of_a_name_is_refused():
    with pytest.raises(
        ConfigError, match=r"sizer\.weights\.A: was 0\.6; expected at most lim"
    ):
        sizer({"name": 0.5}, A=0.6)


def test_a_tenth_ten_times_is_not_above_one():
    assert sizer(**{f"N{place}": 0.1 for place in range(10)})


def test_a_name_that_is_no_asset_is_refused_with_the_nearest(tmp_path: Path):
    config = bt_run.load_config(
        folder_of_files(tmp_path) / "run.yaml",
        ["sizer={use: fixed_weights, weights: {A: 0.6, BB: 0.4}}"],
    )
    with pytest.raises(
        ConfigError,
        match=r"sizer\.weights: no asset 'BB' in this run; found A, B \(did you mean 'B'",
    ):
        bt_run.run(config)
