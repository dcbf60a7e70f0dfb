"""The words at the top of the page."""

from types import SimpleNamespace

import numpy as np
import pytest
from kit.places import EXAMPLES

from bt_run import DEFINITIONS, load_config, run
from bt_run.results.metric_definitions import COLUMNS
from bt_run_plugins.reports.html.holdings import _cash_words
from bt_run_plugins.reports.html.summary import headline, sentences


def test_the_day_of_ruin_stands_in_the_first_sentence() -> None:
    result = run(
        load_config(EXAMPLES / "stocks.yaml", ["data.end=2010-12-31"]), reports=False
    )
    assert " to 2010-12-31, " in sentences(result)[0]
    result.manifest["ruined"] = True
    first = sentences(result)[0]
    assert " to 2010-12-31, the day of its ruin, " in first
    assert ",," not in first


def measured(**values):
    """Return a result with one metric each, given for run, benchmark, equal weight and mix."""
    metrics = {metric: dict.fromkeys(COLUMNS) for metric in DEFINITIONS}
    for metric, numbers in values.items():
        metrics[metric] = dict(zip(COLUMNS, numbers, strict=True))
    config = {"data": {"benchmark": "SPY"}}
    return SimpleNamespace(metrics=metrics, manifest={"config": config})


def starred(result, metric):
    """Return which columns of a metric carry the star."""
    shown = [one for one in DEFINITIONS if one != "money_weighted"]
    row = headline(result).cells[shown.index(metric)]
    return [
        name for name, cell in zip(COLUMNS, row[1:], strict=True) if cell.look == "best"
    ]


@pytest.mark.parametrize(
    ("metric", "values", "stars"),
    [
        ("cagr", (0.05, 0.04, 0.03, 0.02), ["run"]),
        ("cagr", (0.05, 0.04, 0.03, 0.09), ["run"]),  # the mix knows the whole run
        ("cagr", (-0.05, -0.04, -0.03, -0.01), ["equal_weight"]),
        ("max_drawdown", (0.0, -0.1, -0.2, 0.0), []),
        ("sharpe", (-0.1, -0.2, -0.3, -0.4), []),
        ("sharpe", (0.1, -0.2, None, 0.4), ["run"]),
    ],
)
def test_a_star_marks_only_what_says_something(metric, values, stars):
    assert starred(measured(**{metric: values}), metric) == stars


def test_baselines_are_told_in_words_with_their_exposure():
    result = measured(
        average_gross=(0.5, 1.0, 0.99, 0.5), average_net=(0.5, 1.0, 0.99, None)
    )
    note = headline(result).note
    assert (
        "Benchmark: SPY bought at the start and held, without costs (gross 100%, net"
        in note
    )
    assert "it knows the whole run (gross 50%, net n/a)." in note


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ([[0.5, 0.4]], "What is missing to 100% is cash."),
        (
            [[0.9, 0.4]],
            "What is missing to 100% is cash; what lies above 100% is borrowed.",
        ),
        (
            [[0.9, -0.4]],
            "Shorts hang below zero; what they brought and what leverage borrowed",
        ),
    ],
)
def test_what_is_not_drawn_is_cash_only_where_it_is(weights, words):
    assert _cash_words(np.array(weights)).startswith(words)
