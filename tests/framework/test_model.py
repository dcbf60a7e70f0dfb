"""Configs refuse what they do not know, and per cent where a fraction is meant."""

import pytest
from pydantic import ValidationError

from bt_run import Config, ConfigError, RunConfig, YearlyRate, refuse_per_cent
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
