"""Libraries that are not installed are named with the command that installs them."""

import sys

import pytest
from kit.libraries import hide

from bt_run import ConfigError, require_installed
from bt_run.libraries import install_command, missing_libraries

SOME = {"osqp": "mine[fast]", "json": "mine", "clarabel": "mine[fast]"}


def test_what_can_be_imported_is_not_missing(monkeypatch):
    hide(monkeypatch, "osqp", "clarabel")
    assert missing_libraries(SOME) == {"clarabel": "mine[fast]", "osqp": "mine[fast]"}


def test_nothing_is_imported_to_find_out(monkeypatch):
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    assert missing_libraries({"colorsys": "python"}) == {}
    assert "colorsys" not in sys.modules


def test_one_command_installs_all_of_them():
    found = install_command(["b[y]", "a[x]", "b[y]"])
    assert found == "pip install 'a[x]' 'b[y]'"


def test_a_missing_library_is_refused_in_one_line(monkeypatch):
    hide(monkeypatch, "osqp", "clarabel")
    with pytest.raises(ConfigError) as error:
        require_installed("the tracker", SOME)
    assert str(error.value) == (
        "the tracker needs clarabel and osqp, not installed: pip install 'mine[fast]'"
    )
    require_installed("the tracker", {"json": "mine"})
