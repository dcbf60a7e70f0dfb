"""The commands of policies."""

import json

import pytest
from kit.libraries import hide

from bt_run.cli.entry import main

pytest.importorskip("sqlalchemy")


@pytest.fixture
def said(tmp_path, monkeypatch, capsys):
    """Return what a command says and its exit code, with a database of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BT_RUN_POLICY_DB", str(tmp_path / "kept" / "policies.sqlite"))

    def run(*words):
        code = main(["policies", *words])
        told = capsys.readouterr()
        return code, told.out + told.err

    return run


def test_the_templates_load_by_one_command(said):
    code, text = said("load")
    assert code == 0
    assert text.count("@1: stored (") == 3
    _, again = said("load")
    assert again.count("@1: as it was (") == 3
    _, listed = said("list")
    assert [line.split()[0] for line in listed.splitlines()] == [
        "policy",
        "aggressive_growth",
        "conservative_income",
        "quality_focused",
    ]


def test_versions_are_shown_listed_and_compared(said, tmp_path):
    file = tmp_path / "house.json"
    for cap in (0.1, 0.12):
        rows = [{"id": "house", "max_single_position_pct": cap}]
        file.write_text(json.dumps({"policies": rows}))
        assert said("load", "house.json")[0] == 0
    _, text = said("show", "house@1")
    assert json.loads(text)["max_single_position_pct"] == 0.1
    _, text = said("history", "house")
    first, second = text.splitlines()
    assert first.startswith("house@1  ")
    assert first.endswith("  first")
    assert second.endswith("  max_single_position_pct was 0.1, is 0.12")
    _, text = said("diff", "house@1", "house")
    assert text == (
        "max_single_position_pct was 0.1, is 0.12\nhouse@1, house@2: 1 difference\n"
    )


def test_an_empty_database_says_what_fills_it(said):
    assert said("list") == (
        0,
        "no policies; `bt-run policies load` stores the templates\n",
    )


def test_an_unknown_policy_is_a_mistake_of_the_user(said):
    said("load")
    code, text = said("show", "quality_focussed")
    assert code == 2
    assert "did you mean 'quality_focused'?" in text


def test_without_its_library_a_command_says_how_to_install_it(said, monkeypatch):
    hide(monkeypatch, "sqlalchemy")
    code, text = said("list")
    assert code == 2
    assert "pip install 'bt-run[policy]'" in text
