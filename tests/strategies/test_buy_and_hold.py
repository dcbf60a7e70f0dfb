import numpy as np

from bt_run import BuildContext
from bt_run.testing import make_bars
from bt_run_strategies.buy_and_hold import BuyAndHold, BuyAndHoldConfig


def test_it_holds_everything_from_its_first_bar_on():
    bars = make_bars({"A": [1, 1, 1], "B": [np.nan, 1, 1]})
    got = BuyAndHold(BuyAndHoldConfig(), BuildContext(costs=None)).signals(bars)
    np.testing.assert_array_equal(got, [[1, np.nan], [1, 1], [1, 1]])
