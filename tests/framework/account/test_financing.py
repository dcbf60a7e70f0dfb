"""What cash earns and what shorts cost, against hand calculations."""

import numpy as np

from bt_run.account.financing import interest
from bt_run.terms import Rates


def booked(cash, values, years=0.5):
    rates = Rates(
        cash=np.array([0.02, 9.0]),
        margin=np.array([0.06, 9.0]),
        borrow=np.array([0.04, 9.0]),
    )
    flows = interest(cash, np.array(values), rates, years, bar=1)
    return [
        (flow.bar, flow.kind, flow.assets.tolist(), flow.amount.tolist())
        for flow in flows
    ]


def test_cash_earns_at_the_rate_of_the_bar_before():
    assert booked(1000.0, [500.0]) == [(1, "interest", [-1], [10.0])]


def test_borrowed_cash_and_shares_cost():
    assert booked(-1000.0, [500.0, -200.0]) == [
        (1, "borrow fee", [1], [-4.0]),
        (1, "margin interest", [-1], [-30.0]),
    ]


def test_a_bar_of_the_same_session_books_nothing():
    assert booked(1000.0, [-500.0], years=0.0) == []


def test_no_cash_and_no_shorts_book_nothing():
    assert booked(0.0, [500.0]) == []
