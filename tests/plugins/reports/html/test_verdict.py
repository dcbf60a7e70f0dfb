"""The verdict of the page: the sentence, its evidence, what was missing, the rule."""

from __future__ import annotations

from dataclasses import replace

import pytest
from kit.places import EXAMPLES
from markupsafe import escape

from bt_run import BacktestResult, load_config, run
from bt_run.config.research import ResearchConfig
from bt_run.results.trial_facts import TrialFacts
from bt_run.studies.judging import judge_run
from bt_run.studies.significance import Significance
from bt_run.studies.significance_text import significance_sentence
from bt_run_plugins.reports.html.report import page_of_run
from bt_run_plugins.reports.html.verdict import verdict_part


@pytest.fixture(scope="module")
def stocks() -> BacktestResult:
    return run(load_config(EXAMPLES / "stocks.yaml"), reports=False)


def asked(result: BacktestResult, research: ResearchConfig) -> BacktestResult:
    config = result.config.model_copy(update={"research": research})
    return replace(result, config=config, derived={})


def numbers(result: BacktestResult) -> dict[str, list]:
    """Return the evidence: label -> values that are there."""
    table = verdict_part(result).evidence
    assert table is not None
    return {
        row[0].text: [cell.value for cell in row[1:] if cell.number]
        for row in table.cells
    }


def test_the_page_says_the_sentence_of_the_console_before_any_number(
    stocks: BacktestResult,
) -> None:
    page = page_of_run(stocks)
    sentence = significance_sentence(judge_run(stocks))
    word, rest = sentence.split(":", 1)
    shown = f'<strong class="word inconclusive">{word}</strong>:{escape(rest)}</p>'
    assert page.index(shown) < page.index('<dl class="cards">')


def test_the_evidence_is_that_of_the_verdict(stocks: BacktestResult) -> None:
    found = judge_run(stocks)
    assert isinstance(found, Significance)
    shown = numbers(stocks)
    ahead = found.baseline.sharpe_difference
    assert shown["Sharpe less the baseline's"] == [ahead.value, ahead.low, ahead.high]
    label = "Probability that the true Sharpe is above 0 (PSR)"
    assert shown[label] == [found.positive]
    assert "Trials counted together" not in shown


def test_what_is_missing_and_the_rule_carry_their_figures(
    stocks: BacktestResult,
) -> None:
    part = verdict_part(stocks)
    assert any(text.startswith("share of years better") for text in part.missing)
    assert part.rule[0].startswith("harmful, if any holds: ")
    assert part.rule[-1] == "inconclusive, if none of these words fits"
    assert "its own assets at equal weight, held at its mean gross" in part.about


def test_a_ledger_adds_its_trials_to_the_evidence(stocks: BacktestResult) -> None:
    trial = TrialFacts(
        family="x",
        number=1,
        of=4,
        others=0,
        row="ab",
        sharpe=0.4,
        best_of_noise=0.3,
        years=12.0,
        deflated=0.6,
        clusters=1,
        overfitting=None,
        overfitting_reason="4 configurations, and 12 are needed",
        configurations=4,
    )
    shown = numbers(replace(stocks, trial=trial))
    assert shown["Trials counted together"] == [4]
    assert shown["Deflated Sharpe ratio, a probability"] == [0.6]
    assert shown["Probability of overfitting (PBO)"] == [None]


def test_a_tracker_shows_its_tracking_error_and_asks_for_a_bound(
    stocks: BacktestResult,
) -> None:
    tracker = asked(stocks, ResearchConfig(purpose="track"))
    part = verdict_part(tracker)
    assert part.sentence.startswith("Inconclusive: tracking error ")
    assert part.about.endswith("`research: {tracking_error: ...}` says.")
    assert part.rule == ()
    (error, _, _) = numbers(tracker)["Tracking error per year"]
    assert error == pytest.approx(stocks.metrics["tracking_error"]["run"])
    bound = asked(stocks, ResearchConfig(tracking_error=0.01))
    part = verdict_part(bound)
    assert part.word == "harmful"
    assert part.missing[0].startswith("lower end of the tracking error (95% interval)")
    assert numbers(bound)["Tracking error that was asked at most"] == [0.01]


def test_a_run_that_is_not_judged_says_why_and_shows_the_rule() -> None:
    config = load_config(EXAMPLES / "stocks.yaml", ["data.end=2001-01-20"])
    part = verdict_part(run(config, reports=False))
    assert part.sentence.startswith("Not judged: ")
    assert part.evidence is None
    assert len(part.rule) == 4
