"""The command lines on the pages are commands that there are; what needs no network is run, in a
folder of its own.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from kit.places import ROOT

from bt_run.cli.entry import command_line, main

FilesOf = Callable[[Path], dict[str, str]]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FETCH = "bt-run data fetch"
INSTEAD = "bt-run data import sample:stocks"  # brings the prices that a fetch would have brought
# what is shown and not run, and why; a line is here when it begins like one of these
NOT_RUN = (
    (FETCH, "needs the network"),
    (
        "bt-run near_high_close.yaml",
        "needs the package installed, which tests/framework/cli/test_scaffolding.py does",
    ),
    ("pytest --bt-plugin near_high_close", "the same"),
    ("bt-run runs open", "opens a browser"),
    (
        "bt-run sweep spy_qqq_sweep.yaml --keep",
        "makes six reports; tests/plugins/studies/test_commands.py keeps the best",
    ),
)
INIT = "bt-run init"
PYTEST = "pytest"
RUN = re.compile(r"bt-run (run )?\S+\.yaml")


def shown(path: Path) -> list[str]:
    """Return the command lines of a page that stand alone: after a prompt in a block, or
    indented.
    """
    text = path.read_text(encoding="utf-8")
    return [
        line.strip()
        for line in re.findall(
            r"^(?:\$ |    )((?:bt-run|pytest --bt-plugin) [^#\n]*)", text, flags=re.M
        )
    ]


def mentioned(path: Path) -> list[str]:
    """Return the command lines within the sentences of a page."""
    text = re.sub(
        r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.M | re.S
    )
    return [" ".join(line.split()) for line in re.findall(r"`(bt-run [^`]+)`", text)]


def leaves(command: click.Command) -> Iterator[click.Command]:
    if isinstance(command, click.Group):
        for child in command.commands.values():
            yield from leaves(child)
    else:
        yield command


def parsed(line: str, monkeypatch: pytest.MonkeyPatch) -> Result:
    """Let click read a command line without doing what it says."""
    cli = command_line()
    for command in leaves(cli):
        monkeypatch.setattr(command, "callback", lambda **_: None)
    return CliRunner().invoke(cli, shlex.split(line)[1:])


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_line_is_one_that_there_is(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for line in (*shown(path), *mentioned(path)):
        if line.startswith(PYTEST):
            continue
        words = line.split()
        group = len(words) == 2 and isinstance(
            command_line().commands.get(words[1]), click.Group
        )
        if "..." not in line and not group and not re.search(r"[|\[]", line):
            assert parsed(line, monkeypatch).exit_code == 0, line


def test_a_misspelt_option_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert parsed("bt-run run x.yaml --sett a=1", monkeypatch).exit_code == 2
    assert parsed("bt-run run x.yaml --set a=1", monkeypatch).exit_code == 0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a reader would be: the examples, and two runs of them."""
    made = tmp_path_factory.mktemp("reader") / "my_tests"
    monkeypatch = pytest.MonkeyPatch()
    # a reader's runs are counted
    monkeypatch.delenv("BT_RUN_NO_LEDGER")
    assert main(["init", str(made)]) == 0
    # of the stocks, which the pages only compare with, two months are enough
    for name, more in (("spy_qqq", []), ("stocks", ["--set", "data.start=2013-01-02"])):
        assert (
            main(
                [
                    str(made / f"{name}.yaml"),
                    "--no-reports",
                    "-q",
                    "--out",
                    str(made / "runs"),
                    *more,
                ]
            )
            == 0
        )
    monkeypatch.undo()
    return made


def runnable(path: Path) -> list[str]:
    """Return the lines of a page that can be run: no placeholder in capitals, nothing listed
    above.
    """
    lines = [
        line
        for line in shown(path)
        if not line.startswith(tuple(line for line, _ in NOT_RUN))
    ]
    return [
        line
        for line in lines
        if not re.search(r"\b[A-Z]{2,}\b", re.sub(r"--asset \w+", "", line))
    ]


def run_line(line: str, words: list[str]) -> int:
    if not line.startswith(PYTEST):
        return main(words)
    done = subprocess.run(
        [sys.executable, "-m", PYTEST, "-p", "no:cacheprovider", *words],
        capture_output=True,
    )
    return (
        0 if b"bt-run conformance" in done.stdout else 1
    )  # a page may show a component that fails


@pytest.mark.parametrize(
    "path",
    # the first hour needs files of a vendor: test_first_hour.py
    [path for path in DOCUMENTS if runnable(path) and path.stem != "first_hour"],
    ids=lambda path: path.name,
)
def test_the_commands_of_a_page_run_one_after_the_other(
    path: Path,
    folder: Path,
    files_of: FilesOf,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BT_RUN_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("BT_RUN_POLICY_DB", str(tmp_path / "policies.sqlite"))
    monkeypatch.chdir(folder)
    for name, text in files_of(path).items():
        (folder / name).write_text(text, encoding="utf-8")
    fetched = [INSTEAD] if any(line.startswith(FETCH) for line in shown(path)) else []
    for line in (*fetched, *runnable(path)):
        words = shlex.split(line.replace("examples/", ""))[1:]
        if line.startswith(INIT) and not words[1].startswith("-"):
            words[1] = str(tmp_path / words[1])
        if RUN.match(
            line
        ):  # the reports of the examples are tested by themselves, and take longest
            words.append("--no-reports")
        assert run_line(line, words) == 0, line


def test_what_is_not_run_is_still_on_a_page() -> None:
    lines = [line for path in DOCUMENTS for line in (*shown(path), *mentioned(path))]
    for start, _ in NOT_RUN:
        assert any(line.startswith(start) for line in lines), start


def test_no_other_program_is_shown_than_these() -> None:
    """What stands after a prompt and is run nowhere: make is what runs this, and an installation
    needs the network.
    """
    for path in DOCUMENTS:
        for line in re.findall(
            r"^\$ (\S+)", path.read_text(encoding="utf-8"), flags=re.M
        ):
            assert line in ("bt-run", PYTEST, "cd", "make", "pip"), (
                f"{path.name}: {line}"
            )
