"""A limit to the time that a cell may take."""

import subprocess
import sys
import threading

import pytest

from bt_run.studies.time_limits import EXIT_TIMED_OUT, TimedOut, limited

ENDLESS = "while True: pass"


def test_without_a_limit_nothing_is_limited():
    with limited(None, may_exit=False):
        assert threading.active_count() >= 1


def test_python_that_goes_on_is_interrupted():
    with pytest.raises(TimedOut), limited(0.05, may_exit=False):
        exec(ENDLESS)


def test_what_is_in_time_is_left_alone():
    with limited(30.0, may_exit=True):
        pass
    with pytest.raises(KeyError), limited(30.0, may_exit=True):
        raise KeyError("its own error")


@pytest.mark.parametrize("swallows", [True, False])
def test_a_worker_that_cannot_be_interrupted_ends(swallows):
    """Whatever a cell catches, or where it is not the main thread, its process ends."""
    inner = "try:\n        exec('while True: pass')\n    except BaseException:\n        "
    inner += "exec('while True: pass')"
    text = (
        "import threading\n"
        "from bt_run.studies.time_limits import limited\n"
        "def cell():\n"
        "  with limited(0.05, may_exit=True):\n"
        f"    {inner if swallows else ENDLESS}\n"
        f"{'cell()' if swallows else 'threading.Thread(target=cell).start()'}\n"
    )
    ended = subprocess.run([sys.executable, "-c", text], check=False)
    assert ended.returncode == EXIT_TIMED_OUT
