"""What a run refuses before its first bar because its parts do not fit the data."""

from pathlib import Path

import pytest
from kit.places import EXAMPLES

from bt_run import ConfigError, RunConfig, load_config
from bt_run.backtest.preparing import prepare

MACRO = {"use": "sample", "set": "macro"}


def config(tables: dict[str, object]) -> RunConfig:
    """Return the example on two series, with other tables."""
    given = load_config(EXAMPLES / "credit_spread.yaml")
    raw = given.model_dump(mode="json")
    raw["data"]["tables"] = tables
    raw["data"]["source"] = {"use": "sample", "set": "indices"}
    raw["strategy"] = {"use": "credit_spread", "lookback": 252}
    raw["sizer"] = "equal_weight"
    raw["broker"] = {"use": "simulated", "fill": "next_close"}
    raw |= {"overlays": [], "triggers": [], "exits": [], "reports": [], "analyzers": []}
    return RunConfig.model_validate(raw)


def series(symbol: str) -> dict[str, object]:
    return {"symbol": symbol, "source": MACRO, "lag": 1}


def test_tables_that_a_component_reads_are_there() -> None:
    prepare(config({"baa": series("BAA"), "aaa": series("AAA")}))


@pytest.mark.parametrize(
    ("tables", "text"),
    [
        ({}, "strategy: reads the series 'baa', and data.tables has none"),
        (
            {"baa": series("BAA"), "aa": series("AAA")},
            r"reads the series 'aaa', and data.tables has baa, aa \(did you mean 'aa'\?\)",
        ),
    ],
)
def test_a_table_that_is_missing_is_refused_before_the_first_bar(
    tables: dict[str, object], text: str
) -> None:
    with pytest.raises(ConfigError, match=text):
        prepare(config(tables))


def test_a_table_of_the_other_kind_is_refused_before_the_first_bar(
    tmp_path: Path,
) -> None:
    file = tmp_path / "aaa.csv"
    file.write_text("date,SPY,QQQ\n1999-01-04,1,2\n")
    tables = {"baa": series("BAA"), "aaa": {"file": str(file), "lag": 1}}
    with pytest.raises(ConfigError) as caught:
        prepare(config(tables))
    assert str(caught.value) == (
        "strategy: reads 'aaa' as a series; data.tables.aaa is a table"
    )
