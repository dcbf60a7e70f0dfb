"""The rules of rotation, each by an example, and against a plain reference."""

import numpy as np
import pytest
from kit.rotation_books import book, named, plain_rotation, rules

from bt_run_plugins.sizers.rotation.engine import rotate

NAN = np.nan
HALF = 0.5


def rotated(z, weights=None, config=None, **given):
    return named(rotate(book(z, weights, **given), config or rules()))


# -- ranks and entries


def test_of_equal_scores_the_first_by_name_is_better():
    assert rotated([1.0, 1.0, 1.0]) == ({"A": HALF}, {"A": "entry"})


def test_fewer_candidates_than_slots_leave_cash():
    weights, codes = rotated([2.0, 0.7, 0.7], config=rules(K=3, K_buy=2, K_sell=4))
    # B is second, but its z is below z_keep
    assert weights == pytest.approx({"A": 1 / 3})
    assert codes == {"A": "entry"}


def test_a_score_that_is_nan_is_never_bought_and_a_holding_without_one_is_sold():
    weights, codes = rotated([NAN, NAN, 1.0], [0.5, 0.0, 0.0])
    assert weights == {"C": HALF}
    assert codes == {"A": "not eligible", "C": "entry"}


def test_what_is_not_liquid_is_neither_bought_nor_sold():
    weights, codes = rotated(
        [-1.0, 2.0, 1.5, 1.0, 0.9],
        [0.5, 0.0, 0.0, 0.0, 0.0],
        liquid=[False, False, True, True, True],
    )
    assert weights == {"A": HALF}
    assert codes == {"A": "not liquid", "B": "not liquid"}


def test_what_has_no_bar_stays_as_it_is_and_has_its_slot():
    weights, codes = rotated(
        [-9.0, 2.0, 1.0, 0.9, 0.8],
        [0.3, 0.0, 0.5, 0.0, 0.0],
        present=[False, True, True, True, True],
    )
    # A's slot is taken, so B can only rotate with C
    assert weights == {"A": 0.3, "B": HALF}
    assert codes == {"A": "not tradable", "B": "rotated in", "C": "rotated out"}


def test_a_sector_without_room_is_left_out():
    config = rules(K=4, K_buy=3, K_sell=5, sectors="s", sector_cap=0.5)
    weights, codes = rotated([4.0, 3.0, 2.0, 1.0], config=config, sector=[1, 1, 1, 0])
    assert weights == {"A": 0.25, "B": 0.25}
    assert codes == {"A": "entry", "B": "entry", "C": "sector full"}


def test_a_name_without_a_sector_is_not_bought():
    config = rules(sectors="s", sector_cap=0.5)
    assert rotated([4.0, 3.0], config=config, sector=[-1, 0]) == (
        {},
        {"A": "no sector"},
    )


# -- exits


@pytest.mark.parametrize(
    ("exit_by", "z", "leaves"),
    [
        ("both", 0.3, False),  # rank 4 > 3, but not below z_cut
        ("both", 0.1, True),
        ("either", 0.3, True),
    ],
)
def test_a_cut_is_by_rank_and_z_or_by_either(exit_by, z, leaves):
    config = rules(exit=exit_by, delta_z_min=99.0)
    weights, codes = rotated([1.0, 0.9, 0.8, z], [0.5, 0, 0, 0.5], config)
    assert ("D" not in weights) is leaves
    assert (codes.get("D") == "cut") is leaves


def test_a_good_rank_is_kept_whatever_its_z():
    weights, codes = rotated([-1.0, -2.0, -3.0], [0.5, 0.5, 0.0])
    assert weights == {"A": HALF, "B": HALF}
    assert codes == {}


def test_dead_money_leaves_unless_it_ranks_for_a_buy():
    old = [True, True, False]
    weights, codes = rotated([1.0, 0.9, 0.5], [0.5, 0.5, 0.0], old=old)
    assert weights == {"A": HALF}
    assert codes == {"B": "dead money"}


def test_too_many_are_cut_by_rank():
    z, weights = [3.0, 2.0, 1.0], [0.3, 0.3, 0.3]
    config = rules(K_sell=9, name_drift_threshold=0.4)
    assert rotated(z, weights, config)[1]["C"] == "over K"


# -- rotations


@pytest.mark.parametrize(
    ("costs", "why"),
    [((4.0, 6.0), "rotated in"), ((10.0, 10.0), "rotation below cost")],
)
def test_a_rotation_pays_its_costs(costs, why):
    # 1.6 - 0.9 = 0.7; less 0.05 a basis point: 0.7 - 0.5 = 0.2, and 0.7 - 1.0 = -0.3
    basket = rotate(
        book([1.6, 1.2, 0.9], [0.0, 0.5, 0.5], cost=[costs[0], 0.0, costs[1]]), rules()
    )
    weights, codes = named(basket)
    assert codes["A"] == why
    if why == "rotated in":
        assert weights == {"A": HALF, "B": HALF}
        assert codes["C"] == "rotated out"
        ((out, into, utility),) = basket.rotations
        assert (out, into) == (2, 0)
        assert utility == pytest.approx(0.2)
    else:
        assert weights == {"B": HALF, "C": HALF}
        assert codes["C"] == why


def test_the_first_pair_that_fails_ends_it():
    config = rules(K=3, K_buy=2, K_sell=6, per_name_cap=1 / 3)
    third = 1 / 3
    weights, codes = rotated(
        [2.0, 1.9, 1.85, 1.8, 1.0], [0, 0, third, third, third], config
    )
    assert set(weights) == {"A", "C", "D"}
    assert codes["B"] == codes["D"] == "gap too small"
    assert codes["A"] == "rotated in"


def test_a_green_name_is_replaced_for_half_the_gap():
    z, held = [1.2, 1.1, 1.0], [0.0, 0.5, 0.5]
    assert rotated(z, held)[1] == {"A": "gap too small", "C": "gap too small"}
    codes = rotated(z, held, green=[False, False, True])[1]
    assert codes == {"A": "rotated in", "C": "rotated out"}


# -- what is spent


def test_turnover_is_spent_in_pairs_and_the_book_stays_invested():
    # sales first would leave 80 % in cash
    config = rules(
        K=5, K_buy=4, K_sell=6, max_turnover=0.4, per_name_cap=0.2, exit="either"
    )
    z = [4.0, 3.0, 2.0, 1.0, -1.0, -2.0, -3.0, -4.0, -5.0]
    basket = rotate(book(z, [0, 0, 0, 0, 0.2, 0.2, 0.2, 0.2, 0.2]), config)
    weights, codes = named(basket)
    assert basket.turnover == pytest.approx(0.4)
    assert sum(weights.values()) == pytest.approx(1.0)
    assert codes["A"] == "entry"
    assert codes["I"] == "cut"
    # the second pair does not fit, and neither does a lone sale
    assert codes["B"] == codes["H"] == "turnover"


def test_the_first_build_up_is_exempt():
    config = rules(max_turnover=0.2, max_turnover_per_name=0.05)
    empty = rotate(book([1.0, 0.9, 0.8], exempt=True), config)
    assert named(empty)[0] == {"A": HALF}


def test_a_name_of_10_per_cent_takes_two_decisions_to_sell():
    config = rules(
        K=10, K_buy=5, K_sell=11, per_name_cap=0.1, max_turnover_per_name=0.05
    )
    z = [-1.0, *np.linspace(0.1, 0.2, 12)]
    first = rotate(book(z, [0.1] + [0.0] * 12), config)
    assert named(first)[0] == {"A": 0.05}
    second = rotate(book(z, first.weights), config)
    assert named(second)[0] == {}


def test_no_stub_is_left():
    config = rules(
        K=10,
        K_buy=5,
        K_sell=11,
        per_name_cap=0.1,
        max_turnover_per_name=0.05,
        min_weight=0.02,
    )
    z = [-1.0, *np.linspace(0.1, 0.2, 12)]
    # 5 % of 6 % would leave 1 %
    first = rotate(book(z, [0.06] + [0.0] * 12), config)
    assert named(first)[0] == {"A": 0.02}
    assert named(rotate(book(z, first.weights), config))[0] == {}


def test_a_replacement_waits_until_its_slot_is_free():
    config = rules(max_turnover_per_name=0.3, name_drift_threshold=0.3)
    basket = rotate(book([2.0, 1.0, 0.5], [0.0, 0.5, 0.5]), config)
    weights, codes = named(basket)
    assert weights == {"B": 0.5, "C": 0.2}
    assert codes == {"A": "no slot", "C": "rotated out"}
    assert basket.rotations == ()


@pytest.mark.parametrize(
    ("weight", "trade_to", "wanted"),
    [
        (0.496, "target", 0.496),
        (0.504, "target", 0.504),
        (0.49, "target", 0.5),
        (0.49, "edge", 0.495),
    ],
)
def test_a_kept_name_within_its_band_stays_as_it_is(weight, trade_to, wanted):
    config = rules(trade_to=trade_to, per_name_cap=0.6)
    weights, codes = rotated([1.0, 0.9, 0.8], [weight, 0.1, 0.0], config)
    assert weights["A"] == pytest.approx(wanted)
    assert codes["A"] == ("in band" if weight == wanted else "resized")


def test_sales_that_fail_leave_no_room_for_buys():
    # Qlib's TopkDropout buys as many as it meant to sell, and holds more than K when sales fail
    # (https://github.com/microsoft/qlib/issues/2223)
    config = rules(K=4, K_buy=3, K_sell=5, per_name_cap=0.25)
    weights, codes = rotated(
        [9.0, 8.0, 7.0, 1.0, 0.5, -1.0, -2.0, -3.0, -4.0],
        [0, 0, 0, 0, 0, 0.25, 0.25, 0.25, 0.25],
        config,
        present=[True] * 5 + [True, False, False, False],
    )
    assert len(weights) == 4
    assert weights == {"A": 0.25, "G": 0.25, "H": 0.25, "I": 0.25}
    assert codes["B"] == codes["C"] == "no slot"


def test_what_is_not_paid_for_waits():
    # a third of A is all the cash there is
    config = rules(K=3, K_buy=2, K_sell=4, min_weight=0.2, per_name_cap=0.5)
    weights, codes = rotated([2.0, 1.0, 0.9], [0.0, 0.45, 0.45], config)
    assert codes == {"A": "no cash", "B": "resized", "C": "resized"}
    assert weights == pytest.approx({"B": 1 / 3, "C": 1 / 3})


# -- the other side


def neutral(**given):
    usual = {
        "preset": "neutral",
        "K": 2,
        "K_buy": 1,
        "K_sell": 3,
        "z_keep": 0.5,
        "per_name_cap": 0.3,
        "max_turnover": None,
        "max_turnover_per_name": None,
    }
    return rules(**usual | given)


def test_neutral_is_long_the_best_and_short_the_worst():
    basket = rotate(book([2.0, 0.0, -2.0]), neutral(), np.ones(3))
    weights, codes = named(basket)
    assert weights == {"A": 0.3, "C": -0.3}
    assert codes == {"A": "entry", "C": "entry"}


def test_neutral_shrinks_the_side_with_the_larger_beta():
    basket = rotate(book([2.0, 0.0, -2.0]), neutral(), np.array([2.0, 1.0, 1.0]))
    weights, _ = named(basket)
    # 2 a - 0.3 <= 0.05
    assert weights == pytest.approx({"A": 0.175, "C": -0.3})


def test_neutral_keeps_net_within_its_limit():
    config = neutral(max_net_exposure=0.1)
    weights, _ = named(rotate(book([2.0, 0.0, 0.1]), config, np.zeros(3)))
    assert weights == {"A": 0.1}


# -- all rules together


def random_case(rng):
    n = int(rng.integers(3, 12))
    K = int(rng.integers(2, 5))
    config = rules(
        K=K,
        K_buy=int(rng.integers(1, K)),
        K_sell=K + int(rng.integers(1, 4)),
        exit=str(rng.choice(["both", "either"])),
        delta_z_min=float(rng.choice([0.0, 0.25, 1.0])),
        sectors="s" if rng.random() < 0.5 else None,
        sector_cap=float(rng.choice([1 / K, 2 / K])),
        z_keep=float(rng.choice([-9.0, 0.0, 0.8])),
        per_name_cap=1.0,
        min_weight=0.01,
    )
    z = np.round(rng.normal(size=n), 1)
    z[rng.random(n) < 0.1] = NAN
    # holdings within the sectors' caps
    sector = rng.integers(0, 3, n)
    weights = np.zeros(n)
    for i in rng.permutation(n)[:K]:
        same = weights[sector == sector[i]].sum() + config.slot
        if config.sectors is None or same <= config.sector_cap + 1e-9:
            weights[i] = config.slot
    made = book(
        z,
        weights,
        sector=sector,
        liquid=rng.random(n) > 0.15,
        cost=np.round(rng.uniform(0, 10, n)),
        green=rng.random(n) < 0.3,
        old=rng.random(n) < 0.2,
    )
    return made, config


def test_the_engine_is_the_plain_reference_on_2000_small_books():
    rng = np.random.default_rng(22)
    traded = 0
    for case in range(2000):
        made, config = random_case(rng)
        basket = rotate(made, config)
        found = set(np.flatnonzero(basket.weights).tolist())
        assert found == plain_rotation(made, config), case
        np.testing.assert_allclose(basket.weights[list(found)], config.slot)
        traded += found != set(np.flatnonzero(made.weights).tolist())
    assert traded > 1000
