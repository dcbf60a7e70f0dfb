"""What a plugin's code raises is reported as the plugin's."""

import pytest

from bt_run import DataError, PluginError
from bt_run.guard import guarded


def fail(error: BaseException) -> None:
    raise error


def test_an_answer_is_passed_on() -> None:
    assert guarded("adding", lambda one, other: one + other, 1, 2) == 3


@pytest.mark.parametrize("error", [ValueError("bad"), SystemExit("bad")])
def test_a_failure_is_the_plugins_and_says_where(error: BaseException) -> None:
    with pytest.raises(PluginError, match=f"asking mine: failed: {type(error).__name__}: bad"):
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
