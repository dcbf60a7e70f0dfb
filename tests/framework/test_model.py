"""Configs refuse what they do not know, and per cent where a fraction is meant."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from bt_run import (
    Config,
    ConfigError,
    RunConfig,
    YearlyRate,
    load_config,
    refuse_per_cent,
)
from bt_run.model import ComponentSpec


class RateHolder(Config):
    rate: YearlyRate = 0.0


@pytest.mark.parametrize("rate", [0.0, 0.045, -0.01, 0.5])
def test_a_fraction_is_taken(rate: float) -> None:
    assert RateHolder(rate=rate).rate == rate


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        (4.5, "found 4.5, which is 450%; write 0.045 for 4.5 %"),
        (-2, "found -2, which is -200%; write -0.02 for -2 %"),
    ],
)
def test_per_cent_is_refused_with_both_readings(rate: float, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        RateHolder(rate=rate)


def test_another_bound_may_be_given() -> None:
    assert refuse_per_cent(1.5, 2.0) == 1.5
    with pytest.raises(ValueError, match="the size may be 2 at most"):
        refuse_per_cent(2.5, 2.0)


def test_the_risk_free_rate_of_a_run_is_a_fraction() -> None:
    with pytest.raises(ConfigError, match="write 0\\.045 for 4\\.5 %"):
        RunConfig.model_validate({"name": "x", "risk_free": 4.5})


def test_a_component_may_be_a_bare_name() -> None:
    assert ComponentSpec.model_validate("trend") == ComponentSpec(use="trend")
    spec = ComponentSpec.model_validate({"use": "trend", "fast": 5})
    assert spec.options == {"fast": 5}


def test_unknown_keys_are_refused() -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        RateHolder(rat=0.1)  # type: ignore[call-arg]


class Counted(Config):
    number: int = 0
    half: float = 0.0


@pytest.mark.parametrize("number", [2**63 - 1, -(2**63 - 1), 0])
def test_a_number_of_64_bits_is_taken(number: int) -> None:
    assert Counted(number=number).number == number


@pytest.mark.parametrize("number", [2**63, -(10**30), 10**400])
def test_a_number_that_no_array_holds_is_refused(number: int) -> None:
    words = r"found a number of \d+ digits; expected at most 9,223,372,036,854,775,807 in size"
    with pytest.raises(ValidationError, match=words):
        Counted(number=number)


KEYS = {
    "risk_free": [-1.0, -1.5, float("inf"), float("nan")],
    "seed": [10**30],
    "data.tables.q.lag": [-1, 2_521, 10**18],
    "data.tables.q.max_age": [0, 2_521, 10**18],
    "broker.cash": [0, -1, 1e-320, 1e308, float("inf")],
    "broker.interest.cash": [-1.0, -2.0, float("nan")],
    "broker.interest.margin": [-1.0],
    "broker.interest.borrow": [-1.0],
    "broker.interest.margin_spread": [-1.0, 1e308],
    "broker.interest.cash.lag": [-1, 2_521, 10**18],
    "broker.commission.flat": [-1, 1e308],
    "broker.commission.minimum": [-1, 1e308],
    "broker.commission.per_share": [-1, 1e308],
    "broker.slippage.impact": [-1, 1e308],
    "broker.slippage.half_spread": [-1, 1e308],
    "strategy.slow": [10**30],
    "exits.0.gain": [0, 1e308],
}


@pytest.mark.parametrize(
    ("key", "value"), [(key, value) for key, values in KEYS.items() for value in values]
)
def test_a_value_out_of_bounds_is_refused_with_its_key(
    tmp_path: Path, key: str, value: float
) -> None:
    """Each of these was a traceback, a warning of numpy, or a number that means nothing."""
    (tmp_path / "run.yaml").write_text(RUN_OF_EVERYTHING)
    text = str(value).replace("inf", ".inf").replace("nan", ".nan")
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "run.yaml", [f"{key}={text}"])
    assert f"--set {key}: {key}" in str(caught.value)


RUN_OF_EVERYTHING = """\
name: bounds
data:
  source: {use: sample, set: indices}
  assets: [SP500, NASDAQ]
  benchmark: SP500
  start: 2000-01-03
  end: 2001-12-31
  tables: {q: {file: q.csv, lag: 1}}
strategy: trend
sizer: equal_weight
exits: [{use: take_profit, gain: 0.2}]
broker: {use: simulated, interest: {cash: {file: rates.csv, lag: 1}}}
"""
