"""The members of a meta strategy: each alone is a run of its own."""

import pytest
from kit.places import EXAMPLES

from bt_run import ConfigError, load_config, run

MEMBERS = (
    "[{use: trend, fast: 10, slow: 40}, {use: mean_reversion, lookback: 10, entry: 1}]"
)
CHANGES = [
    "data.start=2003-01-02",
    "data.end=2004-12-31",
    "schedule=week",
    "analyzers=[members]",
]


@pytest.fixture(scope="module")
def result():
    meta = f"strategy={{use: meta, members: {MEMBERS}}}"
    return run(load_config(EXAMPLES / "spy_qqq.yaml", [*CHANGES, meta]), reports=False)


def test_each_member_alone_is_the_run_with_that_strategy(result):
    table = result.analyses["members beside"].set_index("what")
    assert list(table.index) == [
        "meta",
        "trend alone",
        "mean_reversion alone",
        "equal parts",
    ]
    assert table.loc["meta", "cagr"] == pytest.approx(result.metrics["cagr"]["run"])
    alone = [*CHANGES[:3], "strategy={use: trend, fast: 10, slow: 40}"]
    other = run(load_config(EXAMPLES / "spy_qqq.yaml", alone), reports=False)
    assert table.loc["trend alone", "sharpe"] == pytest.approx(
        other.metrics["sharpe"]["run"]
    )


def test_switches_and_shares_are_told(result):
    switches = result.analyses["member switches"]
    assert list(switches.columns) == [
        "time",
        "asset",
        "from",
        "to",
        "lead",
        "cost",
        "rule",
    ]
    assert len(switches) > 2
    assert (switches["from"] != switches["to"]).all()
    shares = result.analyses["member share"].groupby("asset")["share"].sum()
    assert shares.tolist() == pytest.approx([1.0, 1.0])


def test_a_strategy_without_members_is_refused():
    with pytest.raises(
        ConfigError, match="members: strategy 'trend' has none; expected"
    ):
        run(load_config(EXAMPLES / "spy_qqq.yaml", CHANGES), reports=False)
