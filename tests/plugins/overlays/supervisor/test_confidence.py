"""The order smooth, cap, clip, with the numbers of the page."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bt_run_plugins.overlays.supervisor.confidence import Path, next_confidence

PATH = Path(alpha=0.8, max_change=0.10, floor=0.0)
unit = st.floats(0.0, 1.0)


def test_smooth_comes_before_cap() -> None:
    free = Path(alpha=0.8, max_change=1.0, floor=0.0)
    assert next_confidence(0.90, 0.0, free, 1) == pytest.approx(0.72)
    assert next_confidence(0.90, 0.0, PATH, 1) == pytest.approx(0.80)


def test_the_cap_binds_only_beyond_a_half() -> None:
    assert next_confidence(0.2, 0.69, PATH, 1) == pytest.approx(0.2 + 0.2 * 0.49)
    assert next_confidence(0.2, 0.9, PATH, 1) == pytest.approx(0.3)


def test_from_0_to_95_takes_16_days() -> None:
    p, days = 0.0, 0
    while p < 0.95:
        p, days = next_confidence(p, 1.0, PATH, 1), days + 1
    assert days == 16


@given(before=unit, raw=unit, sessions=st.integers(1, 30))
def test_it_stays_between_and_moves_no_faster(before, raw, sessions) -> None:
    found = next_confidence(before, raw, PATH, sessions)
    assert min(before, raw) - 1e-12 <= found <= max(before, raw) + 1e-12
    assert abs(found - before) <= 0.1 * sessions + 1e-12


def test_the_first_is_what_the_model_says_and_a_floor_is_kept() -> None:
    assert next_confidence(None, 0.3, PATH, 0) == 0.3
    assert next_confidence(0.5, 0.0, Path(0.0, 1.0, 0.2), 1) == 0.2
