"""The verdict on a run: what it is judged by, and what its tables say for it."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from kit.places import EXAMPLES

from bt_run import BacktestResult, load_config, run
from bt_run.config.research import ResearchConfig
from bt_run.results.trial_facts import TrialFacts
from bt_run.studies.judging import baseline_text, evidence_of, judge_run, purpose_of
from bt_run.studies.rule import SignificanceConfig
from bt_run.studies.significance import Significance, TrialCount, Unjudged
from bt_run.studies.significance_text import significance_sentence
from bt_run.studies.tracking import TrackingSignificance

SESSIONS = 300
MARKET = 0.01 * np.random.default_rng(1).standard_normal(SESSIONS)
CHANCE = 0.01 * np.random.default_rng(2).standard_normal(SESSIONS)
TRIAL = TrialFacts(
    family="demo",
    number=2,
    of=5,
    others=0,
    row="ab",
    sharpe=0.4,
    best_of_noise=0.9,
    years=1.2,
    deflated=0.31,
    clusters=3,
    overfitting=None,
    overfitting_reason="5 configurations, and 12 are needed",
    configurations=5,
)


def grown(returns: np.ndarray) -> np.ndarray:
    return 100.0 * np.cumprod(np.append(1.0, 1.0 + returns))


def made(
    returns: np.ndarray = CHANCE,
    research: ResearchConfig | None = None,
    purpose: str = "earn",
    **changes: object,
) -> BacktestResult:
    """Return a result of these daily returns beside a market, half of the NAV held."""
    index = pd.date_range("2020-01-01", periods=len(returns) + 1, name="time")
    market = grown(MARKET[: len(returns)])
    nav = pd.DataFrame(
        {
            "session": index,
            "nav": grown(returns),
            "gross": 0.5,
            "net": 0.5,
            "benchmark": market,
            "equal_weight": market**0.5,
        },
        index=index,
    )
    empty = pd.DataFrame({"time": index[:0]})
    config = SimpleNamespace(
        seed=7,
        risk_free=0.0,
        research=research or ResearchConfig(),
        data=SimpleNamespace(benchmark="SPY"),
    )
    given: dict = {
        "config": config,
        "run_id": "0123456789ab",
        "nav": nav,
        **dict.fromkeys(
            ("positions", "fills", "decisions", "memos", "cash_flows"), empty
        ),
        "metrics": {},
        "manifest": {"ruined": False, "purpose": purpose},
    }
    return BacktestResult(**(given | changes))


# -- what it stands beside -------------------------------------------------------------------------


def test_a_run_that_is_never_short_stands_beside_its_assets_at_its_exposure() -> None:
    result = made()
    found = evidence_of(result)
    own = np.sqrt(grown(MARKET))
    np.testing.assert_allclose(found.baseline, 0.5 * (own[1:] / own[:-1] - 1.0))
    np.testing.assert_allclose(found.benchmark, MARKET)
    np.testing.assert_allclose(found.returns, CHANCE)
    text = "its own assets at equal weight, held at its mean gross exposure of 50%"
    assert baseline_text(result) == text


def test_a_run_that_was_short_stands_beside_a_benchmark_as_volatile() -> None:
    nav = made().nav
    nav.loc[nav.index[9], "net"] = -0.5
    result = made(nav=nav)
    found = evidence_of(result)
    assert found.baseline.std() == pytest.approx(CHANCE.std())
    assert np.corrcoef(found.baseline, MARKET)[0, 1] == pytest.approx(1.0)
    assert baseline_text(result) == "as much of SPY as has the run's volatility"


def test_without_equal_weight_the_benchmark_takes_its_place() -> None:
    nav = made().nav.assign(equal_weight=np.nan)
    result = made(nav=nav)
    np.testing.assert_allclose(evidence_of(result).baseline, 0.5 * MARKET)
    assert baseline_text(result) == "SPY, held at its mean gross exposure of 50%"


def test_the_risk_free_rate_of_a_session_is_taken_off_all_three() -> None:
    result = made()
    result.config.risk_free = 0.05
    found = evidence_of(result)
    rate = 1.05 ** (1 / found.per_year) - 1.0
    np.testing.assert_allclose(found.returns, CHANCE - rate)
    np.testing.assert_allclose(found.benchmark, MARKET - rate)


def test_the_sharpe_ratio_of_the_verdict_is_that_of_the_metrics() -> None:
    config = load_config(EXAMPLES / "stocks.yaml", ["risk_free=0.01"])
    result = run(config, reports=False)
    found = judge_run(result)
    assert isinstance(found, Significance)
    assert found.sharpe.value == pytest.approx(result.metrics["sharpe"]["run"])


# -- trials ----------------------------------------------------------------------------------------


def test_the_trials_of_the_ledger_count_together() -> None:
    assert evidence_of(made()).trials is None
    assert evidence_of(made(trial=TRIAL)).trials == TrialCount(5, 0.31, None)
    text = significance_sentence(judge_run(made(trial=TRIAL)))
    assert "deflated Sharpe 0.31 after 5 trials" in text


# -- purpose ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("purpose", "research", "expected"),
    [
        ("earn", ResearchConfig(), "earn"),
        ("track", ResearchConfig(), "track"),
        ("track", ResearchConfig(purpose="earn"), "earn"),
        ("earn", ResearchConfig(tracking_error=0.02), "track"),
        ("earn", ResearchConfig(purpose="earn", tracking_error=0.02), "earn"),
    ],
)
def test_research_says_what_a_run_is_for_or_else_its_sizer(
    purpose: str, research: ResearchConfig, expected: str
) -> None:
    assert purpose_of(made(purpose=purpose, research=research)) == expected


def test_a_tracker_is_judged_by_how_close_it_stayed() -> None:
    close = MARKET + 0.0001 * np.sign(CHANCE)
    result = made(close, ResearchConfig(tracking_error=0.01))
    found = judge_run(result)
    assert isinstance(found, TrackingSignificance)
    per_year = evidence_of(result).per_year
    error = 0.0001 * math.sqrt(per_year)
    assert found.tracking_error.value == pytest.approx(error)
    assert (found.word, found.bound) == ("significant", 0.01)


def test_the_sizer_that_tracks_says_so_in_the_manifest() -> None:
    changes = ["data.start=2022-09-01", "sizer.lookback=300"]
    result = run(load_config(EXAMPLES / "track_sp500.yaml", changes), reports=False)
    assert result.manifest["purpose"] == "track"
    assert purpose_of(result) == "track"


# -- silence, and thrift ---------------------------------------------------------------------------


def test_a_ruined_run_is_not_judged() -> None:
    result = made(manifest={"ruined": True})
    text = f"ruined on {result.nav.index[-1]:%Y-%m-%d}"
    assert judge_run(result) == Unjudged(text)


@pytest.mark.parametrize("purpose", ["earn", "track"])
def test_a_short_run_is_not_judged(purpose: str) -> None:
    found = judge_run(made(CHANCE[:19], purpose=purpose))
    assert found == Unjudged("19 returns, and 20 are needed")


def test_a_run_beside_nothing_is_not_judged() -> None:
    nav = made().nav.assign(benchmark=np.nan)
    expected = Unjudged("the benchmark has no return at some sessions")
    assert judge_run(made(nav=nav)) == expected


def test_a_result_is_judged_once_by_each_rule() -> None:
    result = made()
    assert judge_run(result) is judge_run(result)
    strict = SignificanceConfig(confidence=0.99)
    assert judge_run(result, strict) is not judge_run(result)


def test_a_verdict_is_drawn_from_the_seed_of_the_run() -> None:
    other = made()
    other.config.seed = 8
    assert judge_run(made()) == judge_run(made())
    assert judge_run(made()) != judge_run(other)
