"""The pause after a loss, decision by decision."""

import numpy as np
import pytest

from bt_run import BuildContext
from bt_run.testing import make_bars, make_state
from bt_run_plugins.overlays.cooldown import Cooldown, CooldownConfig

CLOSE = [10.0, 9.0, 8.0, 8.0, 8.0, 8.0]


def walked(held, close=CLOSE, wanted=1.0, **config):
    """Return what each decision gives, asked for ``wanted`` while ``held`` (T,) says what is in the
    account.
    """
    built = Cooldown(CooldownConfig(**({"bars": 2} | config)), BuildContext(costs=None))
    bars, memo, out = make_bars({"A": close}), {}, []
    for t, weight in enumerate(held):
        state = make_state(bars, at=t, weights=[weight], memo=memo)
        got = built.adjust(state, np.array([wanted]))
        memo = got.memo
        out.append((float(got.values[0]), got.notes))
    return out


def values(*rest, **given):
    return [value for value, _ in walked(*rest, **given)]


def test_after_a_loss_the_asset_is_out_for_so_many_bars():
    # held at 10 and at 9, gone at 8: 20 % lost; out at bars 2 and 3
    got = walked([1, 1, 0, 0, 0, 0])
    assert [value for value, _ in got] == [1, 1, 0, 0, 1, 1]
    notes = got[2][1]
    assert notes["lost"][0]["gain"] == pytest.approx(-0.2)
    assert notes["waits"] == ["A"]
    assert got[1][1] == {}


def test_a_gain_is_followed_by_no_pause():
    assert values([1, 1, 0, 0], [8.0, 9.0, 10.0, 10.0]) == [1, 1, 1, 1]
    assert values([-1, -1, 0, 0], wanted=-1.0) == [-1, -1, -1, -1]


def test_a_short_that_rose_is_a_loss():
    assert values([-1, -1, 0, 0], [8.0, 9.0, 10.0, 10.0], wanted=-1.0) == [-1, -1, 0, 0]


def test_a_loss_may_have_to_be_larger():
    assert values([1, 1, 0, 0], loss=0.25) == [1, 1, 1, 1]
    assert values([1, 1, 0, 0], loss=0.19) == [1, 1, 0, 0]


def test_a_holding_that_turns_over_ends():
    assert values([1, 1, -1, -1, -1]) == [1, 1, 0, 0, 1]
