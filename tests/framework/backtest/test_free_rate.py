"""A risk-free rate that is what cash earns: a number once the run is prepared, or a clear error."""

from __future__ import annotations

import math

import pytest
from kit.places import EXAMPLES

from bt_run import BacktestResult, ConfigError, load_config, prepare, run
from bt_run_plugins.brokers.rates import rate_of_sessions, rate_source

YEARS = ("data.start=2004-01-02", "data.end=2007-12-31")
CASH = "risk_free=cash"


@pytest.fixture(scope="module")
def result() -> BacktestResult:
    return run(
        load_config(EXAMPLES / "sixty_forty.yaml", [*YEARS, CASH]), reports=False
    )


def test_the_rate_is_the_mean_of_what_cash_earned(result: BacktestResult) -> None:
    days = result.closes.index.tz_localize(None).to_numpy().astype("datetime64[D]")
    rate = float(rate_of_sessions(rate_source("fama_french"), days).mean())
    assert 0.02 < rate < 0.04
    assert result.config.risk_free == pytest.approx(rate, rel=1e-12)
    assert result.manifest["config"]["risk_free"] == result.config.risk_free
    own = result.returns - ((1.0 + rate) ** (1 / 252) - 1.0)
    sharpe = math.sqrt(252) * own.mean() / own.std(ddof=1)
    assert result.metrics["sharpe"]["run"] == pytest.approx(sharpe, rel=1e-9)
    note = f"the risk-free rate is the mean of what cash earned, {rate:.2%} a year"
    assert note in result.notes


def test_the_number_itself_gives_the_same_run(result: BacktestResult) -> None:
    changes = [*YEARS, f"risk_free={result.config.risk_free!r}"]
    again = run(load_config(EXAMPLES / "sixty_forty.yaml", changes), reports=False)
    assert again.run_id == result.run_id
    assert again.metrics == result.metrics


def test_cash_that_earns_nothing_has_no_rate() -> None:
    with pytest.raises(
        ConfigError, match=r"risk_free: was 'cash', and cash earns nothing in this"
    ):
        prepare(load_config(EXAMPLES / "spy_qqq.yaml", [*YEARS, CASH]))


def test_a_change_of_a_prepared_run_is_resolved_too() -> None:
    ready = prepare(load_config(EXAMPLES / "sixty_forty.yaml", [*YEARS]))
    assert ready.config.risk_free == 0.0
    assert 0.02 < float(ready.changed({"risk_free": "cash"}).config.risk_free) < 0.04


def test_per_cent_is_refused_as_before() -> None:
    with pytest.raises(ConfigError, match=r"risk_free.*4\.5"):
        load_config(EXAMPLES / "spy_qqq.yaml", ["risk_free=4.5"])


def test_a_sweep_asks_for_a_number() -> None:
    from bt_run.studies.sweeping import score_called_at

    config = load_config(EXAMPLES / "spy_qqq_sweep.yaml", [CASH])
    with pytest.raises(
        ConfigError, match=r"risk_free: cash, which is known of a run only"
    ):
        score_called_at(config)
