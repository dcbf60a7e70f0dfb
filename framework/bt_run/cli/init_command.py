"""The command ``bt-run init``: the examples, by what they show."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import click

from bt_run.backtest.building import missing_for
from bt_run.backtest.configuration import load_config
from bt_run.config.binding import bind
from bt_run.config.yaml_tree import plain, read_tree
from bt_run.errors import ConfigError
from bt_run.libraries import install_command
from bt_run.plugins import catalogue, get_plugin_manager
from bt_run.text import counted, did_you_mean

__all__ = ["COMMANDS_INIT"]

# in a checkout; the wheel has none of them
MADE_BY_USE = frozenset({"__pycache__", "build", "runs"})
# editors read it, people do not
FOR_EDITORS = "# yaml-language-server"


@dataclass(frozen=True)
class Example:
    """An example: a run file with what it needs beside it, or a folder.

    Attributes:
        shows: what it shows, in a line.
        files: its files, relative to the folder of all examples.
        run_file: what `bt-run` runs of it, if anything.
        install: the command that installs what it needs and is missing here, or nothing.
    """

    name: str
    shows: str
    files: tuple[Path, ...]
    run_file: str | None = None
    install: str = ""


@click.command()
@click.argument(
    "folder", required=False, type=click.Path(path_type=Path, file_okay=False)
)
@click.argument("examples", nargs=-1, metavar="[EXAMPLE]...")
@click.option(
    "--list", "only_list", is_flag=True, help="Say what each example shows; copy none."
)
def init(folder: Path | None, examples: tuple[str, ...], only_list: bool) -> None:
    """Copy the examples into FOLDER, all or those named; nothing that exists is overwritten.

    Without FOLDER, say what each of them shows.

    \b
    Examples:
      bt-run init --list
      bt-run init my_tests
      bt-run init my_tests spy_qqq sixty_forty
    """
    with resources.as_file(resources.files("bt_run_examples")) as source:
        known = _examples(source)
        if folder is None or only_list:
            click.echo(_list_text(known))
            return
        chosen = _chosen(known, examples)
        names = sorted({file for example in chosen for file in example.files})
        _copy(source, folder, names)
    files = counted(len(names), "file")
    click.echo(f"{files} in {folder}; {_next_text(folder, chosen)}")
    for example in chosen:
        if example.install:
            click.echo(f"{example.run_file} needs more: {example.install}")


def _copy(source: Path, folder: Path, names: Sequence[Path]) -> None:
    taken = [folder / name for name in names if (folder / name).exists()]
    if taken:
        raise ConfigError(
            f"{taken[0]} exists already and is not overwritten; choose another folder"
        )
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes((source / name).read_bytes())


def _chosen(known: Sequence[Example], asked: Sequence[str]) -> list[Example]:
    """Return the examples of these names, ``.yaml`` or not; all where none is asked for."""
    by_name = {example.name: example for example in known}
    if not asked:
        return list(known)
    found = []
    for word in asked:
        name = word.removesuffix(".yaml")
        if name not in by_name:
            raise ConfigError(
                f"no example {word!r}{did_you_mean(name, by_name)}; there are "
                f"{', '.join(by_name)}"
            )
        found.append(by_name[name])
    return found


def _list_text(known: Sequence[Example]) -> str:
    """Return a line for each example, and how to copy them."""
    width = max(len(example.name) for example in known)
    lines = []
    for example in known:
        lines.append(f"  {example.name:<{width}}  {example.shows}")
        if example.install:
            lines.append(f"  {'':<{width}}  needs more: {example.install}")
    copying = "`bt-run init FOLDER` copies all, `bt-run init FOLDER EXAMPLE ...` some"
    return "\n".join([*lines, "", copying])


def _next_text(folder: Path, chosen: Sequence[Example]) -> str:
    """Return what to type next: the first run that needs nothing more."""
    ready = [one.run_file for one in chosen if one.run_file and not one.install]
    start = f" && bt-run {ready[0]}" if ready else ""
    return f"next: cd {folder}{start}"


def _examples(source: Path) -> list[Example]:
    """Return the examples: the run files, the one to begin with first, then the folders."""
    runs = sorted(
        source.glob("*.yaml"), key=lambda path: (path.stem != "spy_qqq", path)
    )
    folders = sorted(
        path
        for path in source.iterdir()
        if path.is_dir() and path.name not in MADE_BY_USE
    )
    return [*map(_run_example, runs), *map(_folder_example, folders)]


def _run_example(path: Path) -> Example:
    files = sorted({file.relative_to(path.parent) for file in _files_of_run(path)})
    return Example(
        name=path.stem,
        shows=_first_comment(path),
        files=tuple(files),
        run_file=path.name,
        install=_install_for(path),
    )


def _folder_example(folder: Path) -> Example:
    source = folder.parent
    found = [
        path
        for path in folder.rglob("*")
        if path.is_file()
        and not MADE_BY_USE.intersection(path.relative_to(source).parts)
    ]
    for notebook in folder.glob("*.ipynb"):
        for name in re.findall(r"\.\./(\w+\.yaml)", notebook.read_text("utf-8")):
            found += _files_of_run(source / name)
    files = sorted({path.relative_to(source) for path in found})
    return Example(folder.name, _heading(folder), tuple(files))


def _files_of_run(path: Path) -> Iterator[Path]:
    """Yield a run file, its local plugins and tables, and the file it extends with its own."""
    yield path
    text = path.read_text(encoding="utf-8")
    extended = re.search(r"^extends: (\S+)", text, flags=re.MULTILINE)
    if extended:
        yield from _files_of_run(path.parent / extended[1])
    tree: Any = plain(read_tree(path))
    yield from (path.parent / name for name in tree.get("plugins", ()))
    for table in tree.get("data", {}).get("tables", {}).values():
        # a file of the user's own is not among the examples
        own = path.parent / table.get("file", "")
        if own.is_file():
            yield own


def _first_comment(path: Path) -> str:
    """Return the first line that a run file says about itself."""
    lines = path.read_text(encoding="utf-8").splitlines()
    comments = (line for line in lines if line.startswith("# "))
    return next(
        line.removeprefix("# ") for line in comments if not line.startswith(FOR_EDITORS)
    )


def _heading(folder: Path) -> str:
    """Return the heading of a folder's README, or of the first notebook in it."""
    readme = folder / "README.md"
    if readme.is_file():
        text = readme.read_text(encoding="utf-8")
    else:
        notebook = min(folder.glob("*.ipynb"))
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        text = "".join(cells[0]["source"])
    return f"{text.splitlines()[0].removeprefix('# ')}."


def _install_for(path: Path) -> str:
    """Return the command that installs what a run needs and is missing here, or nothing."""
    config = load_config(path)
    bound = bind(config, catalogue(get_plugin_manager(config.plugins)))
    missing = {
        requirement
        for place, one in bound.placed()
        for requirement in missing_for(one, place).values()
    }
    return install_command(missing) if missing else ""


COMMANDS_INIT = (init,)
