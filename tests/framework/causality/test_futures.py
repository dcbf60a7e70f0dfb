"""Made futures leave the past alone."""

import numpy as np
import pytest

from bt_run.causality.futures import absent_after, noise_after, other_close, shaken_at
from bt_run.data.bars import FIELDS, Bars
from bt_run.testing import make_bars

T = 3
NOW = slice(0, T + 1)


def made() -> Bars:
    return make_bars({"A": np.arange(1.0, 9.0), "B": np.arange(11.0, 19.0)})


def noisy(bars: Bars) -> Bars:
    return noise_after(bars, T, 2, np.random.default_rng(1))


@pytest.mark.parametrize("change", [noisy, lambda bars: absent_after(bars, T, 2)])
def test_the_past_is_the_same(change) -> None:
    bars, other = made(), change(made())
    for name in FIELDS:
        now, then = other.adjusted.field(name)[NOW], bars.adjusted.field(name)[NOW]
        assert np.array_equal(now, then, equal_nan=True)
    assert np.array_equal(other.benchmark[NOW], bars.benchmark[NOW])
    assert len(other) == T + 3


def test_noise_lies_at_another_level() -> None:
    bars = made()
    ratio = noisy(bars).close[T + 1] / bars.close[T]
    assert ((ratio > 2.0) | (ratio < 0.5)).all()


def test_after_the_end_nothing_is_there() -> None:
    gone = absent_after(made(), T, 2)
    assert not gone.present[T + 1 :].any()
    assert np.isnan(gone.close[T + 1 :]).all()


def test_another_close_changes_one_close_and_its_high() -> None:
    bars = make_bars({"A": [1, 2, 3, 4]})
    other = other_close(bars, 2)
    assert other.close[:, 0] == pytest.approx([1, 2, 3.3])
    assert other.adjusted.high[:, 0] == pytest.approx([1, 2, 3.3])


def test_shaken_rows_are_multiplied_and_the_others_are_not() -> None:
    assert shaken_at(made(), slice(1, 3), 2.0).close[:4, 0].tolist() == [1, 4, 6, 4]
