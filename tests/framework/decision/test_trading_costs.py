"""The cost of a unit traded, by hand."""

import numpy as np

from bt_run.decision.trading_costs import proportional_cost
from bt_run.testing import MadeCosts, make_bars, make_rows, make_state


class FlatFee(MadeCosts):
    def commission(self, shares, price):
        return np.where(shares != 0.0, 5.0, 0.0)


def test_it_is_slippage_and_commission_of_an_equal_part_of_the_account():
    bars = make_bars({"A": [10.0, 20.0], "B": make_rows([5.0, np.nan])})
    state = make_state(bars, nav=1000.0, costs=MadeCosts(fee=0.001, slip=0.002))
    # 500 of A: 25 shares, each 0.04 dearer, and 0.1 % of the 501 that are paid
    np.testing.assert_allclose(
        proportional_cost(state), [(25 * 0.04 + 0.501) / 500, 0.0], rtol=1e-12
    )


def test_a_flat_fee_weighs_as_it_does_on_such_an_order():
    state = make_state(make_bars({"A": [10.0, 20.0]}), nav=1000.0, costs=FlatFee())
    np.testing.assert_allclose(proportional_cost(state), [0.005])
