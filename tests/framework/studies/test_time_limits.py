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


STUBBORN = """
import threading
from bt_run.studies.time_limits import limited

def cell():
    with limited(0.05, may_exit=True):
        while True:
            try:
                while True:
                    pass
            except BaseException:
                pass

{call}
"""


@pytest.mark.parametrize("call", ["cell()", "threading.Thread(target=cell).start()"])
def test_a_worker_that_cannot_be_interrupted_ends(call):
    text = STUBBORN.format(call=call)
    ended = subprocess.run([sys.executable, "-c", text], check=False)
    assert ended.returncode == EXIT_TIMED_OUT


def test_python_in_another_thread_is_interrupted_too():
    ended = []

    def cell():
        try:
            with limited(0.05, may_exit=False):
                exec(ENDLESS)
        except TimedOut:
            ended.append("timed out")

    thread = threading.Thread(target=cell)
    thread.start()
    thread.join()
    assert ended == ["timed out"]
