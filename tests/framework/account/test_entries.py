"""What exits look at: average price, best close, first bar of each holding."""

import numpy as np
import pytest

from bt_run.account.entries import Entries

ONE = np.array([1.0])


def entered(shares: float = 10.0, price: float = 100.0) -> Entries:
    entries = Entries(1)
    entries.trade(3, 0.0 * ONE, shares * ONE, price * ONE)
    return entries


def test_a_new_holding_begins_at_its_price_and_bar() -> None:
    entries = entered()
    assert (entries.price[0], entries.best[0], entries.since[0]) == (100.0, 100.0, 3.0)


def test_a_larger_holding_averages_its_price_and_keeps_its_age() -> None:
    entries = entered()
    entries.trade(5, 10.0 * ONE, 30.0 * ONE, 130.0 * ONE)
    assert entries.price[0] == pytest.approx((10 * 100 + 20 * 130) / 30)
    assert entries.since[0] == 3.0


def test_a_smaller_holding_keeps_its_price() -> None:
    entries = entered()
    entries.trade(5, 10.0 * ONE, 4.0 * ONE, 130.0 * ONE)
    assert entries.price[0] == 100.0


def test_the_other_side_begins_anew() -> None:
    entries = entered()
    entries.trade(5, 10.0 * ONE, -5.0 * ONE, 130.0 * ONE)
    assert (entries.price[0], entries.since[0]) == (130.0, 5.0)


@pytest.mark.parametrize(
    ("shares", "closes", "best"),
    [(1.0, (110.0, 105.0), 110.0), (-1.0, (90.0, 95.0), 90.0)],
)
def test_the_best_close_is_the_highest_of_a_long_and_the_lowest_of_a_short(
    shares: float, closes: tuple[float, float], best: float
) -> None:
    entries = entered(shares)
    for close in closes:
        entries.close(shares * ONE, close * ONE)
    assert entries.best[0] == best


def test_what_is_sold_is_forgotten() -> None:
    entries = entered()
    entries.close(0.0 * ONE, 100.0 * ONE)
    assert np.isnan([entries.price[0], entries.best[0], entries.since[0]]).all()


def test_a_split_divides_the_prices() -> None:
    entries = entered()
    entries.split(2.0 * ONE)
    assert (entries.price[0], entries.best[0]) == (50.0, 50.0)
