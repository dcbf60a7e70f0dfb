"""The acceptance criteria of the optimizer, on files with the arithmetic beside them."""

import json
from decimal import Decimal

import numpy as np
import pytest
from kit.places import ROOT
from kit.proposals import facts, pack, policy, portfolio, returns_with

from bt_run_plugins.policy.case import PolicyCase
from bt_run_plugins.policy.conflict import PolicyConflictError
from bt_run_plugins.policy.fees import exact, trade_fees
from bt_run_plugins.policy.policy_files import shipped_policies
from bt_run_plugins.policy.rebalancing import propose
from bt_run_plugins.policy.solution import scaled_weights, solve_policy

FOLDER = ROOT / "tests" / "golden" / "optimizer"


def golden(name):
    return json.loads((FOLDER / name).read_text())


def proposed(tree, limits, **tables):
    shares = {row["symbol"]: row["shares"] for row in tree["holdings"]}
    prices = {row["symbol"]: row["price"] for row in tree["holdings"]}
    return propose(
        portfolio(shares),
        limits,
        pack(prices, tree.get("covariance")),
        facts(**tables),
    )


def check_trades(result, expected):
    found = {trade.symbol: trade for trade in result.trades}
    assert set(found) == {row["symbol"] for row in expected}
    for row in expected:
        trade = found[row["symbol"]]
        assert trade.delta_shares == row["delta_shares"]
        assert row.get("reason", trade.reason) == trade.reason


@pytest.mark.parametrize("place", [0, 1])
def test_what_is_rated_too_low_is_sold_and_the_rest_kept_in_proportion(place):
    tree = golden("quality_policy_rebalance.json")
    reading = tree["readings"][place]
    result = proposed(tree, policy(**reading["policy"]))
    check_trades(result, reading["expected_trades"])
    assert result.total_turnover_pct == pytest.approx(
        reading["expected_turnover_pct"], abs=1e-6
    )
    assert result.estimated_total_cost == Decimal(reading["estimated_total_cost"])
    assert result.cash_after == Decimal(reading["cash"])
    for trade in result.trades:
        wanted = reading["expected_weights"].get(trade.symbol, 0.0)
        lot = float(trade.price) / 70_580
        assert trade.target_weight_pct == pytest.approx(wanted, abs=lot + 1e-3)
    assert result.after.below_quality == 0.0


def test_the_whole_policy_cannot_be_kept_and_says_what_would_do():
    tree = golden("quality_policy_rebalance.json")
    reading = tree["readings"][2]
    (whole,) = [one for one in shipped_policies() if one.id == reading["policy"]]
    with pytest.raises(PolicyConflictError) as error:
        proposed(tree, whole, benchmark_weights=reading["benchmark_weights"])
    for sentence in reading["infeasible"]:
        assert sentence in str(error.value)
    assert error.value.exit_code == 4


def test_a_limit_on_the_tracking_error_is_landed_on_and_sectors_approach():
    tree = golden("te_constraint_rebalance.json")
    sectors = {row["symbol"]: row["sector"] for row in tree["holdings"]}
    result = proposed(
        tree,
        policy(**tree["policy"], lookback=4),
        benchmark_weights=tree["benchmark_weights"],
        sectors=sectors,
    )
    check_trades(result, tree["expected_trades"])
    assert result.te_before == pytest.approx(tree["expected_te_before"], abs=1e-6)
    # by whole shares and costs a little nearer than the limit
    assert tree["expected_te_after"] - 1e-4 < result.te_after
    assert result.te_after <= tree["expected_te_after"] + 1e-6
    for sector, weight in result.before.sectors.items():
        far = abs(weight - result.benchmark_sectors[sector])
        assert (
            abs(result.after.sectors[sector] - result.benchmark_sectors[sector]) < far
        )


def test_a_limit_on_turnover_inside_beats_scaling_beats_the_bound():
    tree = golden("turnover_limit_rebalance.json")
    names = tuple(tree["weights"])

    def case(**changes):
        return PolicyCase(
            policy=policy(**{**tree["policy"], **changes}),
            names=names,
            weights=np.array(list(tree["weights"].values())),
            returns=returns_with(np.eye(4) * tree["volatility"] ** 2),
            holdable=np.ones(4, dtype=bool),
            tradable=np.ones(4, dtype=bool),
            ratings=np.array(list(tree["quality"].values())),
            benchmark=np.array(list(tree["benchmark_weights"].values())),
        )

    limited = case()
    free = solve_policy(case(max_turnover_pct=2.0)).weights
    moved = np.abs(free - limited.weights).sum()
    assert moved == pytest.approx(tree["expected_turnover_without"], abs=1e-6)
    error = limited.tracking.size
    inside = error(solve_policy(limited).weights)
    scaled = error(scaled_weights(limited, free))
    before, best = error(limited.weights), error(free)
    assert before == pytest.approx(tree["expected_te_before"], abs=1e-6)
    assert best == pytest.approx(tree["expected_te_without"], abs=1e-7)
    assert inside == pytest.approx(tree["expected_te_inside"], abs=1e-6)
    assert scaled == pytest.approx(tree["expected_te_scale"], abs=1e-6)
    share = 0.2 / 0.35
    bound = (1 - share) * before + share * best
    assert bound == pytest.approx(tree["bound"], abs=1e-6)
    assert inside <= scaled <= bound


def test_a_trade_costs_a_flat_part_and_basis_points_half_up():
    tree = golden("cost_estimation.json")
    value = exact(tree["price"]) * tree["delta_shares"]
    fees = trade_fees(policy(), value)
    assert fees.commission == Decimal(tree["commission"])
    assert fees.impact == Decimal(tree["market_impact"])
    assert fees.total == Decimal(tree["total"])
    share = round(float(fees.total / abs(value)), 4)
    assert share == tree["cost_of_trade_pct"]


def test_the_shipped_templates_carry_their_version():
    found = {one.id: one for one in shipped_policies()}
    assert set(found) == {
        "quality_focused",
        "aggressive_growth",
        "conservative_income",
    }
    assert {one.method_version for one in found.values()} == {"v1"}
    assert {one.turnover_convention for one in found.values()} == {"two_way"}
    one = found["quality_focused"]
    assert (one.max_single_position_pct, one.max_sector_pct) == (0.10, 0.25)
