"""The sizer policy_optimizer: who takes part, what is noted, and that its policy is content."""

import json
from dataclasses import replace

import numpy as np
import pytest
from kit.places import EXAMPLES
from pydantic import ValidationError

from bt_run import (
    BuildContext,
    ConfigError,
    DataError,
    InfeasibleError,
    LoadRequest,
    assemble_bars,
    load_config,
    run,
)
from bt_run.data.history import History
from bt_run.decision.state import PortfolioState
from bt_run.testing import MadeCosts, make_rows
from bt_run_plugins.policy.database import open_database
from bt_run_plugins.policy.policy import OptimizationPolicy, canonical_text
from bt_run_plugins.reports.html.limits_over_time import limit_sections
from bt_run_plugins.sizers.policy_optimizer.cost_check import cost_advice
from bt_run_plugins.sizers.policy_optimizer.sizer import (
    PolicyOptimizer,
    PolicyOptimizerConfig,
    resolve_policy,
)


def bars(n=6, T=90, seed=0, **tables):
    rng = np.random.default_rng(seed)
    moves = rng.normal(0.0003, 0.01, (T, 1)) + rng.normal(0, 0.008, (T, n))
    prices = 50 * np.cumprod(1 + moves, axis=0)
    names = [chr(65 + i) for i in range(n)]
    rows = {
        name: make_rows(column) for name, column in zip(names, prices.T, strict=True)
    }
    index = make_rows(prices.mean(axis=1))
    first, last = (
        time.astype("datetime64[D]").item()
        for time in (index.times[0], index.times[-1])
    )
    request = LoadRequest(
        assets={name: name for name in names},
        benchmark=("I", "I"),
        start=first,
        end=last,
    )
    return assemble_bars(request, rows, index, prices="as_traded")


def state(made, weights=None, signals=None):
    n = len(made.assets)
    return PortfolioState(
        history=History(made, len(made) - 1),
        signals=np.ones(n) if signals is None else np.array(signals, dtype=float),
        weights=np.zeros(n) if weights is None else np.array(weights, dtype=float),
        nav=1.0,
        cash=1.0,
        shares=np.zeros(n),
        nav_history=np.ones(1),
        costs=None,
    )


def sizer(turnover_method="inside", **limits):
    policy = {"id": "house", "lookback": 60, **limits}
    config = PolicyOptimizerConfig.model_validate(
        {"policy": policy, "turnover_method": turnover_method}
    )
    return PolicyOptimizer(config, BuildContext(MadeCosts()))


LIMITED = {"max_turnover_pct": 0.1, "turnover_convention": "one_way"}


def test_the_first_build_up_is_exempt_from_turnover_and_says_so():
    made = bars()
    answer = sizer(**LIMITED, max_single_position_pct=0.3).target_weights(state(made))
    assert answer.values.sum() == pytest.approx(1.0)
    assert answer.notes["turnover"]["limit"] == "not applied: first build-up"
    assert "max_turnover_pct" not in answer.notes["limits"]


def test_later_the_limit_holds_with_its_slack_in_the_notes():
    made = bars()
    built = sizer(**LIMITED, objective="min_variance")
    answer = built.target_weights(state(made, weights=np.full(6, 1 / 6)))
    limit = answer.notes["limits"]["max_turnover_pct"]
    assert limit["binds"]
    assert limit["reached"] == pytest.approx(0.1, abs=1e-7)
    assert answer.notes["turnover"]["two way"] == pytest.approx(0.2, abs=1e-7)
    json.dumps(dict(answer.notes))


def test_scaling_breaks_position_and_quality_where_the_problem_keeps_them():
    weights = np.array([0.5, 0.1, 0.1, 0.1, 0.1, 0.1])
    made = bars()
    limits = {"max_single_position_pct": 0.25, "max_turnover_pct": 0.3}
    limits["turnover_convention"] = "two_way"
    # from 50 % to 25 % takes 25 % of each side: more than the limit, which gives way inside
    with pytest.raises(InfeasibleError, match=r"max_turnover_pct 0\.3"):
        sizer(**limits).target_weights(state(made, weights))
    answer = sizer("scale", **limits).target_weights(state(made, weights))
    assert answer.notes["scaled"]
    assert answer.notes["limits"]["max_single_position_pct"]["slack"] < -0.05
    assert answer.values.max() > 0.3
    assert np.abs(answer.values - weights).sum() == pytest.approx(0.3)


def test_what_has_no_signal_is_sold_and_what_has_no_bar_is_kept():
    made = bars()
    present = made.present.copy()
    present[-1, 5] = False
    made = replace(made, present=present)
    weights = np.full(6, 1 / 6)
    signals = [0.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    answer = sizer().target_weights(state(made, weights, signals))
    assert answer.values[0] == 0.0
    assert answer.values[5] == weights[5]
    assert answer.values.sum() == pytest.approx(1.0)
    assert answer.notes["kept, not tradable"] == ["F"]
    nothing = sizer().target_weights(state(made, weights, np.zeros(6)))
    assert nothing.values.tolist() == [0, 0, 0, 0, 0, weights[5]]


def test_too_little_history_is_refused():
    with pytest.raises(InfeasibleError, match="6 have returns on fewer than half of"):
        sizer(lookback=250).target_weights(state(bars()))


def test_tables_are_read_where_the_policy_needs_them():
    assert sizer().reads == {}
    assert sizer(min_quality_score=5.0, max_sector_pct=0.3).reads == {
        "quality": "number",
        "sector": "text",
    }
    views = sizer(objective="max_utility", expected_returns="views")
    assert views.reads == {"views": "number"}


def test_a_name_becomes_content_and_needs_no_database_afterwards(tmp_path, monkeypatch):
    pytest.importorskip("sqlalchemy")
    url = str(tmp_path / "p.sqlite")
    policy = OptimizationPolicy(id="house", max_single_position_pct=0.2)
    with open_database(url) as database:
        database.store([policy])
    config = PolicyOptimizerConfig(policy="house@1", db=url)
    found = resolve_policy(config, "sizer")
    assert found.policy == policy
    assert found.db is None
    monkeypatch.setenv("BT_RUN_POLICY_DB", str(tmp_path / "none" / "p.sqlite"))
    assert resolve_policy(found, "sizer") == found
    assert not (tmp_path / "none").exists()
    inline = PolicyOptimizerConfig(policy=policy)
    assert resolve_policy(inline, "sizer") == found
    with pytest.raises(ConfigError, match="did you mean 'house'"):
        resolve_policy(PolicyOptimizerConfig(policy="hose", db=url), "sizer")
    with pytest.raises(ConfigError, match="stands for a stored policy"):
        PolicyOptimizer(config, BuildContext(None))


def test_content_that_is_not_that_of_its_hash_is_refused():
    policy = OptimizationPolicy(id="house")
    found = resolve_policy(PolicyOptimizerConfig(policy=policy), "sizer")
    tree = found.model_dump(mode="json")
    tree["policy"]["max_single_position_pct"] = 0.2
    with pytest.raises(ValidationError, match="its content was changed"):
        PolicyOptimizerConfig.model_validate(tree)
    assert canonical_text(policy) == canonical_text(found.policy)


def test_a_broker_that_costs_something_else_is_told_of():
    policy = OptimizationPolicy(id="house")
    (text,) = cost_advice(policy, MadeCosts())
    assert text.startswith(
        "sizer: a purchase for 10,000 costs 20.00 by the policy house"
    )
    assert "and 0.00 by the broker" in text
    same = OptimizationPolicy(id="house", commission_per_trade=0, market_impact_bps=20)
    assert list(cost_advice(same, MadeCosts(fee=0.0005, slip=0.0015))) == []


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    changes = ["data.start=2020-01-02", "data.end=2020-09-30", "reports=[]"]
    # tighter, so that some must give way
    changes += ["sizer.policy.max_turnover_pct=0.1"]
    changes += ["sizer.policy.max_tracking_error_pct=0.06"]
    config = load_config(EXAMPLES / "policy_quality.yaml", changes)
    return run(config, tmp_path_factory.mktemp("runs"), reports=False)


def test_the_example_keeps_its_policy_or_says_what_gave_way(example):
    own = example.memos[example.memos["component"] == "sizer"]
    notes = [json.loads(text) for text in own["notes"]]
    assert {one["status"] for one in notes} == {"solved", "relaxed"}
    for one in notes[1:]:
        for name, limit in one["limits"].items():
            assert limit["slack"] > -1e-6, name
        gave = set(one.get("relaxed", {}))
        assert gave <= {"max_turnover_pct", "max_tracking_error_pct"}
        if not gave:
            assert one["turnover"]["one way"] <= 0.1 + 1e-6
    sizer = example.manifest["config"]["sizer"]
    assert sizer["policy"]["id"] == "quality_house"
    assert len(sizer["sha256"]) == 64


def test_the_page_shows_limits_over_time(example):
    (section,) = limit_sections(example)
    chart, limits, proposals = section.parts
    assert {row[0] for row in limits.rows} >= {"max_turnover_pct", "invested"}
    assert len(proposals.rows) == len(
        example.memos[example.memos["component"] == "sizer"]
    )
    relaxed = [row for row in proposals.rows if row[1] == "relaxed"]
    assert relaxed
    assert all(" to 0." in row[5] for row in relaxed)
    gave = {row[0]: row[4] for row in limits.rows}
    assert gave["max_turnover_pct"] == sum(
        "max_turnover_pct to" in row[5] for row in relaxed
    )
    assert chart.data is not None


def test_a_name_without_a_rating_stops_the_run(tmp_path):
    ratings = tmp_path / "r.csv"
    text = (EXAMPLES / "policy_ratings.csv").read_text().splitlines()
    ratings.write_text("\n".join(line for line in text if ",XOM," not in line) + "\n")
    changes = [
        "data.start=2019-01-02",
        "data.end=2019-03-29",
        "reports=[]",
        f'data.tables.quality.file="{ratings}"',
    ]
    config = load_config(EXAMPLES / "policy_quality.yaml", changes)
    with pytest.raises(DataError, match="ratings: none of XOM, and min_quality_score"):
        run(config, tmp_path / "runs", reports=False)
