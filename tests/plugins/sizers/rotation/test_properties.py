"""What holds of every book, whatever is in it."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from kit.rotation_books import book, rules

from bt_run_plugins.sizers.rotation.engine import rotate

BOOKS = settings(max_examples=250)
seeds = st.integers(0, 2**32 - 1)
CLOSE = 1e-9


def config_of(rng, **given):
    K = int(rng.integers(2, 8))
    usual = {
        "K": K,
        "K_buy": int(rng.integers(1, K)),
        "K_sell": K + int(rng.integers(1, 5)),
        "exit": str(rng.choice(["both", "either"])),
        "z_keep": float(rng.choice([0.0, 0.8])),
        "per_name_cap": float(rng.choice([0.2, 1.0])),
        "max_turnover": [None, 0.2, 0.5][rng.integers(3)],
        "max_turnover_per_name": [None, 0.05, 0.3][rng.integers(3)],
        "sectors": [None, "s"][rng.integers(2)],
        "sector_cap": float(rng.choice([0.3, 0.6])),
        "trade_to": str(rng.choice(["target", "edge"])),
        "min_weight": 0.02,
    }
    return rules(**usual | given)


def book_of(rng, config, n=12):
    """Return a book of at most K names that drifted apart, some of which cannot be traded."""
    weights = np.zeros(n)
    held = rng.permutation(n)[: rng.integers(0, config.K + 1)]
    weights[held] = rng.dirichlet(np.ones(len(held) + 1))[:-1]
    z = np.where(rng.random(n) < 0.1, np.nan, np.round(rng.normal(size=n), 1))
    return book(
        z,
        weights,
        present=rng.random(n) > 0.1,
        liquid=rng.random(n) > 0.1,
        sector=rng.integers(-1, 3, n),
        cost=rng.uniform(0, 10, n),
        green=rng.random(n) < 0.3,
        old=rng.random(n) < 0.2,
        exempt=not len(held),
    )


def made(seed, **given):
    rng = np.random.default_rng(seed)
    config = config_of(rng, **given)
    return rng, book_of(rng, config), config


@settings(max_examples=1000)
@given(seeds)
def test_limits_hold_on_a_thousand_books(seed):
    _, b, config = made(seed)
    basket = rotate(b, config)
    assert (basket.weights > 0.0).sum() <= config.K
    assert basket.weights.min() >= 0.0
    assert basket.weights.sum() <= 1.0 + CLOSE
    check_turnover(b, config, basket)
    check_caps(b, config, basket)
    # what cannot be traded is not, and NaN is never bought
    fixed = ~b.present | ~b.liquid
    np.testing.assert_array_equal(basket.weights[fixed], b.weights[fixed])
    unknown = np.isnan(b.z) & (b.weights == 0.0)
    assert not (basket.weights > b.weights)[unknown].any()
    # no stub is left, and every change has a reason
    stubs = (basket.weights > 0.0) & (basket.weights < config.min_weight - CLOSE)
    np.testing.assert_array_equal(basket.weights[stubs], b.weights[stubs])
    changed = np.flatnonzero(np.abs(basket.weights - b.weights) > CLOSE)
    assert set(changed.tolist()) <= basket.codes.keys()


def check_turnover(b, config, basket):
    change = np.abs(basket.weights - b.weights)
    assert basket.turnover == change.sum()
    if not b.exempt:
        assert change.sum() <= (config.max_turnover or np.inf) + CLOSE
        assert change.max() <= (config.max_turnover_per_name or np.inf) + CLOSE


def check_caps(b, config, basket):
    """A cap that is broken was broken before, no less, and is named."""
    over_cap = basket.weights > config.per_name_cap + CLOSE
    assert (basket.weights[over_cap] <= b.weights[over_cap]).all()
    assert ("per_name_cap" in basket.beyond) == over_cap.any()
    if config.sectors is None:
        return
    for sector in range(3):
        mine = b.sector == sector
        total = basket.weights[mine].sum()
        if total > config.sector_cap + CLOSE:
            assert total <= b.weights[mine].sum() + CLOSE
            assert "sector_cap" in basket.beyond


@BOOKS
@given(seeds)
def test_the_order_of_the_names_does_not_matter_where_scores_differ(seed):
    rng, b, config = made(seed)
    b = replace(b, z=rng.permutation(12).astype(float) / 3 - 1)
    order = rng.permutation(12)
    fields = ("z", "weights", "held", "present", "liquid", "cost", "sector")
    fields = (*fields, "green", "old")
    turned = replace(b, **{name: getattr(b, name)[order] for name in fields})
    found = rotate(turned, config).weights
    np.testing.assert_allclose(found, rotate(b, config).weights[order], atol=1e-12)


@BOOKS
@given(seeds)
def test_a_cost_that_nothing_pays_ends_all_rotations(seed):
    _, b, config = made(seed, gamma_cost=1e9)
    assert rotate(replace(b, cost=b.cost + 1.0), config).rotations == ()


@BOOKS
@given(seeds)
def test_constant_scores_and_prices_trade_nothing_after_the_build_up(seed):
    _, b, config = made(seed)
    always = np.ones(12, dtype=bool)
    b = replace(b, present=always, liquid=always, old=~always, exempt=False)
    config = config.model_copy(update={"exit": "both"})
    weights = b.weights
    for _ in range(60):
        now = replace(b, weights=weights, held=weights != 0.0)
        found = rotate(now, config).weights
        if np.array_equal(found, weights):
            break
        weights = found
    else:
        raise AssertionError("it still trades after 60 decisions")


@BOOKS
@given(seeds)
def test_sales_that_fail_at_their_fill_are_made_good_at_the_next_decision(seed):
    rng, b, config = made(seed)
    b = replace(b, present=np.ones(12, bool), liquid=np.ones(12, bool), exempt=False)
    config = config.model_copy(
        update={"max_turnover": None, "max_turnover_per_name": None}
    )
    basket = rotate(b, config)
    failed = (basket.weights < b.weights) & (rng.random(12) < 0.5)
    weights = np.where(failed, b.weights, basket.weights)
    weights /= max(1.0, weights.sum())
    after = rotate(replace(b, weights=weights, held=weights != 0.0), config).weights
    assert (after > 0.0).sum() <= config.K
