"""What the commands of sweeps print."""

import pytest

from bt_run_plugins.studies.plan_lines import duration_text, progress_text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 s"),
        (59.6, "1 min 00 s"),
        (200, "3 min 20 s"),
        (7500, "2 h 05 min"),
    ],
)
def test_a_duration_reads_as_one_would_say_it(seconds, text):
    assert duration_text(seconds) == text


def test_progress_has_rate_and_time_left():
    assert progress_text(30, 240, 15.0) == "30/240 cells, 2.0/s, 1 min 45 s left"
    assert progress_text(0, 240, 0.0) == "0/240 cells, 0.0/s, ? left"
