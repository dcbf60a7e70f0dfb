"""Accounts of sleeves by hand."""

import numpy as np
import pytest

from bt_run_plugins.sizers.book.accounts import (
    SleeveAccount,
    drifted_budgets,
    netted,
)

ASSETS = ("A", "B")


def test_an_account_drifts_with_its_prices_and_pays_for_its_trades():
    first = SleeveAccount.of({}, ASSETS, np.array([10.0, 20.0]))
    assert (first.growth, first.value) == (1.0, 1.0)
    memo = first.after(np.array([0.5, 0.25]), 0.01, ASSETS, np.array([10.0, 20.0]))
    assert memo["value"] == pytest.approx(0.99)
    later = SleeveAccount.of(memo, ASSETS, np.array([12.0, 15.0]))
    # 0.5 x 1.2 + 0.25 x 0.75 + 0.25 of cash
    assert later.growth == pytest.approx(0.6 + 0.1875 + 0.25)
    np.testing.assert_allclose(later.weights, np.array([0.6, 0.1875]) / 1.0375)
    assert later.value == pytest.approx(0.99 * 1.0375)


def test_a_short_that_doubles_twice_leaves_nothing():
    memo = SleeveAccount.of({}, ASSETS, np.ones(2)).after(
        np.array([-1.0, 0.0]), 0.0, ASSETS, np.ones(2)
    )
    ruined = SleeveAccount.of(memo, ASSETS, np.array([4.0, 1.0]))
    assert (ruined.growth, ruined.value) == (0.0, 0.0)
    np.testing.assert_array_equal(ruined.weights, [0, 0])


def test_budgets_drift_with_what_was_earned():
    got = drifted_budgets(np.array([0.5, 0.3]), np.array([1.2, 1.0]))
    np.testing.assert_allclose(got, np.array([0.6, 0.3]) / 1.1)
    np.testing.assert_array_equal(drifted_budgets(np.ones(1), np.zeros(1)), [0.0])


def test_opposite_trades_net_out():
    trades = np.array([[0.3, -0.1], [-0.2, -0.1]])
    alone, together = netted(trades, np.array([0.001, 0.002]))
    assert alone == pytest.approx(0.0005 + 0.0004)
    assert together == pytest.approx(0.0001 + 0.0004)
