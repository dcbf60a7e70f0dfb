"""Wrong values are reported with the place where they stand."""

from __future__ import annotations

from pathlib import Path

import pytest
from kit.configured import RUN, told


def test_an_error_shows_the_source_line_and_a_caret(folder: Path) -> None:
    assert told(RUN.replace("fast: 50", "fsat: 50")) == (
        "run.yaml:9:24: strategy.fsat: unknown key; found 50; expected one of fast, slow, band, "
        "short "
        "(did you mean 'fast'?)\n"
        "    strategy: {use: trend, fsat: 50}\n"
        "                           ^"
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "sizer:",
            "sizr:",
            "run.yaml:10:1: sizr: unknown key; found 'equal_weight'; expected one of name, seed",
        ),
        (
            "fast: 50",
            "fast: quick",
            "run.yaml:9:30: strategy.fast: wrong value; found 'quick'; expected an integer\n",
        ),
        (
            "fast: 50",
            "fast: 0",
            "run.yaml:9:30: strategy.fast: wrong value; found 0; expected a number greater than",
        ),
        (
            "fast: 50",
            "fast: 300",
            "run.yaml:9:11: strategy: fast was 300 and slow 200; expected fast < slow; found",
        ),
        (
            "use: trend",
            "use: tredn",
            "run.yaml:9:17: strategy.use: no strategy 'tredn' is installed; strategies ins",
        ),
        (
            "equal_weight",
            "trend",
            "run.yaml:10:8: sizer: 'trend' is a strategy, not a sizer; sizers installed: book",
        ),
        (
            "sizer: equal_weight",
            "sizer: 4",
            "run.yaml:10:8: sizer: wrong value; found 4; expected a component's NAME",
        ),
        (
            "{use: trend, fast: 50}",
            "{fast: 50}",
            "run.yaml:9:1: strategy.use: missing key; found nothing; expected th",
        ),
        (
            "set: indices",
            "set: indexes",
            "run.yaml:4:30: data.source.set: unknown word; found 'indexes'; expected 'in",
        ),
        (
            ", set: indices",
            "",
            "run.yaml:4:3: data.source.set: missing key; found nothing; expected indices | stocks",
        ),
        (
            "[SP500, NASDAQ]",
            "{}",
            "run.yaml:5:11: data.assets: wrong value; found {}; expected at least 1 item\n",
        ),
        (
            "[SP500, NASDAQ]",
            "{A: 600519}",
            "run.yaml:5:15: data.assets.A: wrong value; found 600519; expected a stri",
        ),
        (
            "[SP500, NASDAQ]",
            "[A, 600519]",
            "run.yaml:5:11: data.assets: an asset's name must be a string, so put 600",
        ),
        (
            "[SP500, NASDAQ]",
            "[A, A]",
            "run.yaml:5:11: data.assets: 'A' stands in the list more than once; an asset may",
        ),
        (
            "[SP500, NASDAQ]",
            "A",
            "run.yaml:5:11: data.assets: wrong value; found 'A'; expected a mapping\n",
        ),
        (
            "2018-12-31",
            "1999-12-31",
            "run.yaml:8:8: data.end: end was 1999-12-31; expected a day after start, 2000-01",
        ),
        (
            "2018-12-31",
            "2018",
            "run.yaml:8:8: data.end: a date is written YEAR-MONTH-DAY, such as 2000-01-03; "
            "found 20",
        ),
        (
            "2018-12-31",
            "soon",
            "run.yaml:8:8: data.end: wrong value; found 'soon'; expected a date written "
            "YEAR-MONTH-DAY, such as 2000-01-03\n",
        ),
        (
            "name: mine",
            "name: a/b",
            "run.yaml:1:7: name: not a safe folder name: only letters, digits and _, with - and",
        ),
        (
            "name: mine",
            "schedule: dayly",
            "run.yaml:1:1: name: missing key; found nothing; expected string (names the",
        ),
        (
            "sizer: equal_weight",
            "schedule: moth",
            "run.yaml:10:11: schedule: unknown word; found 'moth'; expected 'once', 'bar', "
            "'session'",
        ),
        (
            "  start: 2000-01-03",
            "  start: 2000-01-03\n  history_from: 2001-01-03",
            "run.yaml:8:17: data.history_from: history_from was 2001-01-03; expected a day not "
            "after start",
        ),
    ],
)
def test_a_wrong_value_is_reported_with_its_place(
    folder: Path, old: str, new: str, message: str
) -> None:
    assert told(RUN.replace(old, new)).startswith(message)


def test_the_keys_of_a_component_stand_beside_its_name(folder: Path) -> None:
    message = told(
        RUN.replace(
            "{use: trend, fast: 50}", "{use: trend, options: {fast: 3}, fsat: 3}"
        )
    )
    assert message.startswith(
        "run.yaml:9:24: strategy.options: unknown key; the keys of a component stand beside"
    )


def test_every_mistake_is_reported_at_once(folder: Path) -> None:
    message = told(
        RUN.replace("fast: 50", "fsat: 50").replace("equal_weight", "equl_weight")
    )
    assert "strategy.fsat: unknown key" in message
    assert "sizer: no sizer 'equl_weight' is installed" in message
    assert "(did you mean 'equal_weight'?)" in message


def test_the_alternatives_of_a_value_are_reported_together(folder: Path) -> None:
    message = told(
        RUN.replace(
            "{use: trend, fast: 50}", "{use: clock, at: 10:30, threshold: late}"
        )
    )
    assert (
        "strategy.threshold: wrong value; found 'late'; expected an integer or"
        in message
    )
    assert message.count("strategy.threshold") == 1


def test_a_long_source_line_is_shown_around_the_mistake(folder: Path) -> None:
    assets = ", ".join(f"ASSET{i}: SP500" for i in range(50))
    message = told(RUN.replace("[SP500, NASDAQ]", f"{{{assets}, LAST: 5}}"))
    _, line, caret = message.splitlines()
    assert len(line) < 160
    assert line[caret.index("^")] == "5"


def test_nested_components_are_reported_with_their_place(folder: Path) -> None:
    nested = (
        "{use: pile, children: [{use: trend, fsat: 3}, {use: tredn}], defensive: trend}"
    )
    message = told(RUN.replace("{use: trend, fast: 50}", nested))
    assert "run.yaml:9:47: strategy.children.0.fsat: unknown key; found 3" in message
    assert (
        "run.yaml:9:63: strategy.children.1.use: no strategy 'tredn' is installed"
        in message
    )
    assert "strategy.defensive: 'trend' is a strategy, not a sizer" in message
