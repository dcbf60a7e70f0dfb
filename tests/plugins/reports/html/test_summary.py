"""The words at the top of the page."""

from kit.places import EXAMPLES

from bt_run import load_config, run
from bt_run_plugins.reports.html.summary import sentences


def test_the_day_of_ruin_stands_in_the_first_sentence() -> None:
    result = run(
        load_config(EXAMPLES / "stocks.yaml", ["data.end=2010-12-31"]), reports=False
    )
    assert " to 2010-12-31, " in sentences(result)[0]
    result.manifest["ruined"] = True
    first = sentences(result)[0]
    assert " to 2010-12-31, the day of its ruin, " in first
    assert ",," not in first
