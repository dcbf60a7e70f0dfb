"""The pages of docs/reference say what the program says, and what they list has tests."""

from __future__ import annotations

import inspect
import re
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType

import pytest
from kit.places import ROOT

from bt_run import hookspecs
from bt_run.plugins import built_in_modules, catalogue, get_plugin_manager

FOLDER = ROOT / "docs" / "reference"
HOOKS = [name for name in vars(hookspecs) if name.startswith("bt_")]
COMPONENTS = [
    (role, name)
    for role, offers in catalogue(get_plugin_manager()).offers.items()
    for name, offer in offers.items()
    if offer.origin in built_in_modules()
]


@cache
def reference() -> ModuleType:
    spec = spec_from_file_location("docs_reference", ROOT / "docs" / "reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def pages() -> dict[str, str]:
    made: dict[str, str] = reference().pages()
    return made


@cache
def suite_text() -> str:
    """Return the text of every test that is not of the documents."""
    paths = [
        path for path in (ROOT / "tests").rglob("*.py") if path.parent.name != "docs"
    ]
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(paths))


@pytest.mark.parametrize(
    "name",
    ["hooks.md", "components.md", "configuration.md", "commands.md", "python.md"],
)
def test_the_reference_is_current(name: str) -> None:
    committed = (FOLDER / name).read_text(encoding="utf-8")
    assert committed == pages()[name], "it is old: python docs/reference.py"


def test_the_reference_holds_no_other_page() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(pages())


@pytest.mark.parametrize("name", HOOKS)
def test_every_hook_is_there_with_its_signature(name: str) -> None:
    text = (FOLDER / "hooks.md").read_text(encoding="utf-8")
    shown = re.search(rf"### {name}\n\n```py\n{name}\((.*?)\) -> .*?\n```", text)
    assert shown is not None
    given = [part.split(":")[0].strip() for part in shown[1].split(",") if part]
    assert given == list(inspect.signature(getattr(hookspecs, name)).parameters)
    assert ": " in shown[1] or not given


def test_the_hooks_stand_in_their_order() -> None:
    text = (FOLDER / "hooks.md").read_text(encoding="utf-8")
    assert re.findall(r"^### (\w+)$", text, flags=re.M) == HOOKS


@pytest.mark.parametrize("name", HOOKS)
def test_every_hook_has_a_test(name: str) -> None:
    assert re.search(rf"\b{name}\b", suite_text())


@pytest.mark.parametrize(("role", "name"), COMPONENTS)
def test_every_component_is_there_with_its_keys(role: str, name: str) -> None:
    text = (FOLDER / "components.md").read_text(encoding="utf-8")
    section = (
        text.split(f"\n## {role.capitalize()}\n")[1]
        .split("\n## ")[0]
        .split(f"\n### {name}\n")[1]
        .split("\n### ")[0]
    )
    shown = re.findall(r"^\| `(\w+)` \|", section.split("Keys of")[0], flags=re.M)
    config = catalogue(get_plugin_manager()).offers[role][name].component.config
    assert shown == list(config.model_fields)


@pytest.mark.parametrize(("role", "name"), COMPONENTS)
def test_every_component_has_a_test(role: str, name: str) -> None:
    in_yaml = rf"""use: {name}\b|\w: {name}$|["']{name}["']|\[{name}\b"""
    named = rf"{in_yaml}|bt_run_plugins\.\w+\.{name}\b|bt_run_strategies\.{name}\b"
    assert re.search(named, suite_text(), flags=re.M), (
        f"no test names the {role} {name}"
    )


def test_every_command_is_there() -> None:
    from bt_run.cli.entry import command_line

    text = (FOLDER / "commands.md").read_text(encoding="utf-8")
    for words, _ in reference().commands(command_line(), ("bt-run",)):
        assert re.search(rf"^#+ {' '.join(words)}$", text, flags=re.M), words


def test_a_bound_of_a_number_is_reported() -> None:
    row = next(
        line
        for line in pages()["components.md"].splitlines()
        if line.startswith("| `haircut` |")
    )
    assert (
        row
        == "| `haircut` | number, >= 0, <= 1 | `0.0` | fraction of the last price that a silent "
        "asset loses |"
    )
