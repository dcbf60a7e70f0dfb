"""Limits on target weights, and what untraded assets keep."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bt_run.decision.limits import apply_limits, keep_untraded
from bt_run.terms import Limits

WIDE = Limits(short=True, net=9.0)


def cut(weights, **limits):
    got, names = apply_limits(np.array(weights), Limits(**limits))
    return got.tolist(), names


def test_weights_inside_the_limits_stay():
    assert cut([0.5, 0.5]) == ([0.5, 0.5], ())


def test_short_weights_become_cash():
    assert cut([0.5, -0.5]) == ([0.5, 0.0], ("short",))


def test_a_name_is_clipped_on_both_sides():
    assert cut([0.7, -0.7], name=0.4, short=True) == ([0.4, -0.4], ("name",))


def test_gross_scales_all():
    assert cut([1.0, -1.0], short=True) == ([0.5, -0.5], ("gross",))


def test_net_scales_the_larger_side():
    got, names = cut([1.0, -0.2], gross=2.0, net=0.5, short=True)
    assert got == pytest.approx([0.7, -0.2])
    assert names == ("net",)


def test_net_scales_the_short_side_when_that_is_larger():
    got, _ = cut([0.2, -1.0], gross=2.0, net=0.5, short=True)
    assert got == pytest.approx([0.2, -0.7])


WEIGHTS = arrays(float, st.integers(1, 8), elements=st.floats(-3, 3))


@given(WEIGHTS, st.floats(0.1, 2), st.floats(0.1, 2), st.floats(0.1, 1), st.booleans())
def test_every_limit_holds_afterwards(weights, gross, net, name, short):
    got, _ = apply_limits(weights, Limits(gross=gross, net=net, name=name, short=short))
    assert np.abs(got).sum() <= gross * (1 + 1e-9)
    assert abs(got.sum()) <= net * (1 + 1e-9) + 1e-9
    assert (np.abs(got) <= name * (1 + 1e-9)).all()
    assert short or (got >= 0).all()
    assert (got * weights >= 0).all()


def test_all_traded_is_the_target():
    target = np.array([0.3, 0.7])
    assert (
        keep_untraded(target, np.array([0.5, 0.5]), np.array([True, True]), WIDE)
        is target
    )


def test_an_untraded_weight_is_reserved_and_openings_shrink():
    # B is stuck at 0.5; A wants 0.8 and holds 0.2: 0.3 of room for an opening of 0.6
    got = keep_untraded(
        np.array([0.8, 0.2]),
        np.array([0.2, 0.5]),
        np.array([True, False]),
        Limits(short=True, net=9.0),
    )
    assert got == pytest.approx([0.5, 0.5])


def test_closings_are_never_scaled():
    got = keep_untraded(
        np.array([0.1, 0.9, 0.0]),
        np.array([0.5, 0.0, 0.5]),
        np.array([True, True, False]),
        Limits(short=True, net=9.0),
    )
    # kept: 0.1 of A and 0.5 of C; 0.4 is left for B
    assert got == pytest.approx([0.1, 0.4, 0.5])


def test_a_reversal_counts_as_an_opening():
    got = keep_untraded(
        np.array([-0.8, 0.0]),
        np.array([0.4, 0.6]),
        np.array([True, False]),
        Limits(short=True, net=9.0),
    )
    assert got == pytest.approx([-0.4, 0.6])


def test_nothing_opens_when_the_untraded_fill_the_limit():
    got = keep_untraded(
        np.array([0.5, 0.0]),
        np.array([0.0, 1.2]),
        np.array([True, False]),
        Limits(short=True, net=9.0),
    )
    assert got == pytest.approx([0.0, 1.2])


def test_an_untraded_excess_is_kept_when_nothing_opens():
    got = keep_untraded(
        np.array([0.1, 0.0]),
        np.array([0.3, 1.4]),
        np.array([True, False]),
        Limits(short=True, net=9.0),
    )
    assert got == pytest.approx([0.1, 1.4])


def test_the_net_limit_holds_when_one_side_cannot_trade():
    # B, the short side, has no bar and holds nothing: of A's 0.5 only the net limit of 0.1 may be
    # opened
    limits = Limits(short=True, net=0.1)
    got = keep_untraded(
        np.array([0.5, -0.5]), np.array([0.0, 0.0]), np.array([True, False]), limits
    )
    assert got == pytest.approx([0.1, 0.0])
