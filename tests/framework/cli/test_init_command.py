"""``bt-run init``: which examples there are, what each shows, and what is copied."""

from __future__ import annotations

from pathlib import Path

import pytest
from kit.libraries import hide
from kit.places import EXAMPLES

from bt_run.cli.entry import main

Captured = pytest.CaptureFixture[str]
OPTIONAL = ("bokeh_sampledata", "clarabel", "osqp", "scs", "skfolio", "yfinance")
NAMES = [
    "spy_qqq",
    "credit_spread",
    "local_plugin",
    "multi_asset",
    "multi_asset_yahoo",
    "policy_quality",
    "sixty_forty",
    "sixty_forty_csv",
    "spy_qqq_sweep",
    "spy_qqq_yahoo",
    "stocks",
    "supervised_tracker",
    "track_sp500",
    "track_spy_yahoo",
    "notebooks",
    "plugin_package",
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def copied(folder: Path) -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file()
    }


# -- the list --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words", [["init"], ["init", "--list"], ["init", "x", "--list"]]
)
def test_the_examples_are_listed_by_what_they_show(
    words: list[str], folder: Path, capsys: Captured
) -> None:
    assert main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[:-2]] == NAMES
    shown = dict(line.strip().split(maxsplit=1) for line in lines[:-2])
    assert shown["stocks"] == (
        "Hold five stocks while each is in an uptrend; step back as the drawdown deepens."
    )
    assert shown["notebooks"] == "A run in a notebook."
    assert lines[-1] == (
        "`bt-run init FOLDER` copies all, `bt-run init FOLDER EXAMPLE ...` some"
    )
    assert not copied(folder)


def test_every_example_says_in_a_line_what_it_shows(capsys: Captured) -> None:
    assert main(["init", "--list"]) == 0
    for line in capsys.readouterr().out.splitlines()[:-2]:
        shows = line.strip().split(maxsplit=1)[1]
        assert shows.endswith("."), line
        assert len(line) <= 110, line


def test_every_run_file_is_offered() -> None:
    runs = {path.stem for path in EXAMPLES.glob("*.yaml")}
    folders = {path.name for path in EXAMPLES.iterdir() if path.is_dir()}
    assert runs | folders - {"__pycache__", "runs"} == set(NAMES)


def test_what_an_example_lacks_here_is_listed(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    hide(monkeypatch, *OPTIONAL)
    assert main(["init", "--list"]) == 0
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    needs = {
        lines[place - 1].split()[0]: line
        for place, line in enumerate(lines)
        if line.startswith("needs more: ")
    }
    samples, tracker, yahoo = (
        f"'bt-run[{extra}]'" for extra in ("samples", "tracker", "yahoo")
    )
    assert needs == {
        "multi_asset_yahoo": f"needs more: pip install {yahoo}",
        "policy_quality": f"needs more: pip install {samples} {tracker}",
        "spy_qqq_yahoo": f"needs more: pip install {yahoo}",
        "stocks": f"needs more: pip install {samples}",
        "supervised_tracker": f"needs more: pip install {samples} {tracker}",
        "track_sp500": f"needs more: pip install {samples} {tracker}",
        "track_spy_yahoo": f"needs more: pip install {tracker} {yahoo}",
    }


# -- copies ----------------------------------------------------------------------------------------


def test_all_are_copied_where_none_is_named(folder: Path, capsys: Captured) -> None:
    assert main(["init", "mine"]) == 0
    out = capsys.readouterr().out
    assert out.endswith("next: cd mine && bt-run spy_qqq.yaml\n")
    found = copied(folder / "mine")
    wanted = {"spy_qqq.yaml", "sixty_forty_csv.yaml", "local_plugin.py"}
    wanted |= {"policy_ratings.csv", "policy_sectors.csv"}
    assert wanted | {"plugin_package/setup.cfg"} <= found
    assert "__init__.py" not in found
    assert not any("__pycache__" in name for name in found)


@pytest.mark.parametrize(
    ("asked", "files", "next_run"),
    [
        (["sixty_forty"], {"sixty_forty.yaml"}, "sixty_forty.yaml"),
        (["sixty_forty.yaml"], {"sixty_forty.yaml"}, "sixty_forty.yaml"),
        (
            ["stocks", "spy_qqq_yahoo"],
            {"stocks.yaml", "spy_qqq.yaml", "spy_qqq_yahoo.yaml"},
            "stocks.yaml",
        ),
        (
            ["credit_spread"],
            {"credit_spread.py", "credit_spread.yaml"},
            "credit_spread.yaml",
        ),
        (["notebooks"], {"notebooks/first_run.ipynb", "spy_qqq.yaml"}, None),
    ],
)
def test_an_example_is_copied_with_what_it_needs_beside_it(
    asked: list[str],
    files: set[str],
    next_run: str | None,
    folder: Path,
    capsys: Captured,
) -> None:
    assert main(["init", "mine", *asked]) == 0
    assert copied(folder / "mine") == files
    start = f" && bt-run {next_run}" if next_run else ""
    said = f"{len(files)} files in mine; next: cd mine{start}\n"
    assert capsys.readouterr().out == said.replace("1 files", "1 file")


def test_the_run_that_comes_next_needs_nothing_more(
    folder: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    hide(monkeypatch, *OPTIONAL)
    assert main(["init", "mine", "stocks", "sixty_forty"]) == 0
    assert capsys.readouterr().out == (
        "2 files in mine; next: cd mine && bt-run sixty_forty.yaml\n"
        "stocks.yaml needs more: pip install 'bt-run[samples]'\n"
    )


def test_an_unknown_example_is_told_with_those_there_are(
    folder: Path, capsys: Captured
) -> None:
    assert main(["init", "mine", "stock"]) == 2
    assert capsys.readouterr().err == (
        "bt-run: no example 'stock' (did you mean 'stocks'?); there are "
        f"{', '.join(NAMES)}\n"
    )
    assert not (folder / "mine").exists()


def test_nothing_is_overwritten(folder: Path, capsys: Captured) -> None:
    (folder / "spy_qqq.yaml").write_text("mine")
    assert main(["init", "."]) == 2
    assert (
        "spy_qqq.yaml exists already and is not overwritten; choose another folder"
        in capsys.readouterr().err
    )
    assert (folder / "spy_qqq.yaml").read_text() == "mine"
    assert not (folder / "stocks.yaml").exists()
