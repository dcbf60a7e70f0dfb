"""The words at the top of the page."""

import re
from types import SimpleNamespace

import numpy as np
import pytest
from kit.places import EXAMPLES

from bt_run import DEFINITIONS, load_config, run
from bt_run.config.research import ResearchConfig
from bt_run.results.metric_definitions import COLUMNS
from bt_run_plugins.page.parts import Cell, PageTable, Section, in_currency
from bt_run_plugins.reports.html.holdings import _cash_words
from bt_run_plugins.reports.html.summary import alerts, cards, headline, sentences


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
    return SimpleNamespace(
        metrics=metrics,
        manifest={"config": config},
        config=SimpleNamespace(research=ResearchConfig()),
    )


def starred(result, metric):
    """Return which columns of a metric carry the star."""
    label = DEFINITIONS[metric].label
    (row,) = [row for row in headline(result).cells if row[0].text == label]
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


def test_labels_of_money_name_the_currency_where_it_is_known():
    columns = (("Year", "text"), ("Costs, money", "money"))
    rows = [("Mean gain, money", 1.0), ("2001", 2.0), (Cell("All"), 3.0)]
    section = Section("x", "X", parts=(PageTable("t", "T", columns, rows),))
    (table,) = in_currency(section, "USD").parts
    assert table.columns == (("Year", "text"), ("Costs, USD", "money"))
    assert [row[0].text for row in table.cells] == ["Mean gain, USD", "2001", "All"]
    assert in_currency(section, "") is section


def test_a_total_return_of_ten_and_more_is_told_in_times():
    result = measured(total_return=(121.5493, 9.99, 10.0, None))
    texts = [cell.text for cell in headline(result).cells[0]]
    assert texts == ["Total return", "123x", "999.00%", "11x", "n/a"]


def shown_cards(result):
    """Return label, value, and whose number with which value stands beside it, of each card."""
    found = []
    for card in cards(result):
        beside = None if card.beside is None else (card.whose, card.beside.value)
        found.append((card.label, card.run.value, beside))
    return found


def test_no_card_is_undefined():
    few = measured(
        total_return=(0.1, 0.2, None, None),
        average_gross=(0.5, 1.0, None, None),
        average_net=(0.5, 1.0, None, None),
        costs=(3.0, None, None, None),
        fills=(2.0, None, None, None),
    )
    assert shown_cards(few) == [
        ("Average gross exposure", 0.5, None),
        ("Total return", 0.1, ("benchmark", 0.2)),
        ("Costs", 3.0, None),
        ("Fills", 2.0, None),
    ]


def test_a_net_exposure_of_its_own_stands_beside_the_gross_one():
    short = measured(
        average_gross=(1.5, 1.0, None, None), average_net=(0.2, 1.0, None, None)
    )
    assert shown_cards(short) == [("Average gross exposure", 1.5, ("net", 0.2))]


def test_six_cards_at_most_and_those_of_a_tracker_begin_with_its_error():
    every = measured(**dict.fromkeys(DEFINITIONS, (0.1, 0.2, 0.3, 0.4)))
    assert [card.label for card in cards(every)][:2] == [
        "Return per year",
        "Sharpe ratio",
    ]
    assert len(cards(every)) == 6
    every.config.research = ResearchConfig(purpose="track")
    assert cards(every)[0].label == "Tracking error per year"


def test_the_long_table_begins_with_what_is_read_first_and_is_folded():
    table = headline(measured(total_return=(0.1, 0.2, 0.3, 0.4)))
    labels = [row[0].text for row in table.cells]
    assert labels[:4] == [
        "Total return",
        "Return per year",
        "Volatility per year",
        "Sharpe ratio",
    ]
    assert table.hidden == len(DEFINITIONS) - 1 - 10


def test_cash_that_earns_nothing_is_said_where_there_is_much_of_it():
    changes = ["data.end=2003-12-31"]
    idle = alerts(run(load_config(EXAMPLES / "spy_qqq.yaml", changes), reports=False))
    (line,) = [text for text in idle if text.startswith("cash was ")]
    assert re.match(
        r"cash was \d\d% of the NAV in the mean and earns nothing here; ", line
    )
    paid = run(load_config(EXAMPLES / "sixty_forty.yaml", changes), reports=False)
    assert not any(text.startswith("cash was ") for text in alerts(paid))
