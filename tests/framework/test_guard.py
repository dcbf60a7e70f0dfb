"""What a plugin's code raises is reported as the plugin's."""

import runpy
from pathlib import Path

import numpy as np
import pytest

from bt_run import DataError, PluginError
from bt_run.guard import guarded


def fail(error: BaseException) -> None:
    raise error


def test_an_answer_is_passed_on() -> None:
    assert guarded("adding", lambda one, other: one + other, 1, 2) == 3


@pytest.mark.parametrize("error", [ValueError("bad"), SystemExit("bad")])
def test_a_failure_is_the_plugins_and_says_where(error: BaseException) -> None:
    with pytest.raises(
        PluginError, match=f"asking mine: failed: {type(error).__name__}: bad"
    ):
        guarded("asking mine", fail, error)


def test_an_error_of_ours_passes_with_a_note() -> None:
    with pytest.raises(DataError, match="no rows") as caught:
        guarded(lambda: "asking mine", fail, DataError("no rows"))
    assert caught.value.__notes__ == ["asking mine: stopped the run"]


def test_the_words_are_made_only_when_needed() -> None:
    assert guarded(lambda: pytest.fail("asked for"), int, "7") == 7


def test_a_wish_to_stop_is_not_caught() -> None:
    with pytest.raises(KeyboardInterrupt):
        guarded("asking mine", fail, KeyboardInterrupt())


def test_the_line_of_a_plugin_is_named(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("def own(values):\n    values[0] = 1\n")
    own = runpy.run_path(str(file))["own"]
    values = np.zeros(1)
    values.flags.writeable = False
    with pytest.raises(PluginError) as caught:
        guarded("asking mine", own, values)
    assert str(caught.value) == (
        "asking mine: failed: ValueError: assignment destination is read-only; what a component "
        f"is given is not its own: copy it first ({file}, line 2)"
    )


def test_a_failure_inside_a_library_names_the_plugins_line(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("import json\n\ndef own():\n    json.loads('{')\n")
    with pytest.raises(PluginError, match=r"JSONDecodeError.* \(.*mine\.py, line 4\)$"):
        guarded("asking mine", runpy.run_path(str(file))["own"])
