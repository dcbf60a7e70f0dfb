"""The triggers that block names: `spread` and `liquidity`."""

from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest
from kit.two_assets import context

from bt_run import DataError, Plan
from bt_run.data.known import Table
from bt_run.roles import Placed
from bt_run.testing import make_bars, make_state
from bt_run_plugins.triggers.liquidity import Liquidity, LiquidityConfig
from bt_run_plugins.triggers.spread import Spread, SpreadConfig

NAN = np.nan
TARGET = np.array([0.5, 0.5])


def with_spreads(*rows):
    """Return bars of A and B with a row of quoted spreads for each."""
    bars = make_bars({"A": np.full(len(rows), 10.0), "B": np.full(len(rows), 20.0)})
    values = np.array([[NAN, NAN], *rows], dtype=float)
    table = Table(values, np.arange(1, len(rows) + 1))
    return replace(bars, tables=MappingProxyType({"spread": table}))


def blocked(market, **config):
    trigger = Spread(SpreadConfig(**config), context())
    verdict = trigger.check(make_state(market), TARGET)
    assert not verdict.veto
    return verdict


def test_a_spread_above_the_limit_blocks_its_name():
    verdict = blocked(with_spreads([10.0, 31.0]), above=30.0)
    assert verdict.blocked.tolist() == [False, True]
    assert not verdict.fire
    assert verdict.reason == "spread over 30 bp or 3 x its median"


def test_a_spread_of_three_medians_blocks_its_name():
    rows = [[10.0, 10.0], [20.0, 10.0], [10.0, 12.0], [31.0, 30.0]]
    # the medians of the three before are 10
    assert blocked(with_spreads(*rows), bars=3).blocked.tolist() == [True, False]
    # and 15 and 11 of the two before
    assert blocked(with_spreads(*rows), bars=2).blocked.tolist() == [False, False]


def test_a_spread_that_is_not_known_now_blocks_its_name():
    verdict = blocked(with_spreads([10.0, 10.0], [10.0, NAN]))
    assert verdict.blocked.tolist() == [False, True]


def test_a_table_that_misses_a_name_is_refused():
    with pytest.raises(DataError) as found:
        blocked(with_spreads([10.0, NAN], [10.0, NAN]))
    assert str(found.value) == (
        "triggers: spread: the table 'spread' has no spread for B at 2020-01-02 00:00 or in the 1 "
        "bars before; expected basis points for every name that trades"
    )


def test_a_measure_of_spreads_is_needed():
    with pytest.raises(ValueError, match="neither above nor times_median was given"):
        SpreadConfig(times_median=None)


def test_an_order_above_its_part_of_the_volume_is_blocked():
    # a million shares a bar; 5 % of it is 50,000 shares: 500,000 of A and 1,000,000 of B
    bars = make_bars({"A": [10.0, 10.0], "B": [20.0, 20.0]})
    trigger = Liquidity(LiquidityConfig(), context())
    assert trigger.needs == {"volume"}
    state = make_state(bars, weights=[0.1, 0.1], nav=2e6)
    verdict = trigger.check(state, np.array([0.36, 0.36]))
    assert verdict.blocked.tolist() == [True, False]
    assert verdict.reason == "order over 5.0% of the volume of 20 bars"
    # what is not traded is not too large
    assert not trigger.check(state, np.array([0.1, 0.1])).blocked.any()


def advice(trigger, path="triggers.0", others=()):
    own = Placed(path, "spread", trigger)
    before = tuple(Placed(other, "windows", object()) for other in others)
    return list(trigger.advice(Plan(own, "bar", before, ())))


@pytest.mark.parametrize(
    ("cls", "config"), [(Spread, SpreadConfig), (Liquidity, LiquidityConfig)]
)
def test_what_only_blocks_needs_another_that_fires(cls, config):
    alone = cls(config(), context())
    assert advice(alone) == [
        "triggers.0: spread only blocks names, and no other trigger fires, so nothing is ever "
        "traded; write `fires: true`"
    ]
    assert advice(alone, others=["triggers.1"]) == []
    assert advice(cls(config(fires=True), context())) == []
    (inside,) = advice(alone, path="triggers.0.triggers.1")
    assert inside.endswith("never does; write it beside, in `triggers`")
