"""The files of a new plugin: a small package, or a module and a run file, for one component."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from importlib.util import find_spec
from keyword import iskeyword
from pathlib import Path
from types import MappingProxyType

import bt_run
from bt_run.errors import ConfigError
from bt_run.plugins import catalogue, get_plugin_manager

__all__ = ["NEW_ROLES", "Scaffold", "scaffold"]

LONGEST = 40
_SAMPLE = """\
  source: {use: sample, set: indices}  # real daily bars that ship inside a dependency; no network
  assets: {SPY: SP500, QQQ: NASDAQ}    # price indices stand in for the funds; the report says so
  benchmark: SPY
  start: 2000-01-03
  end: 2018-12-31"""
_WALKS = """\
  source: {use: __NAME__}
  assets: [ALFA, BRAVO, CHARLIE]
  benchmark: ALFA
  start: 2001-01-02
  end: 2018-12-31"""


@dataclass(frozen=True)
class _Role:
    """What the example of a role does, and where it stands in a run file."""

    summary: str
    yaml: str
    parts: Mapping[str, str]


def _role(summary: str, yaml: str, parts: Mapping[str, str]) -> _Role:
    plain = {
        "SOURCE": _SAMPLE,
        "STRATEGY": "{use: trend, fast: 50, slow: 200}",
        "SIZER": "equal_weight",
        "EXTRA": "schedule: month\n",
        "REPORTS": "tear_sheet",
    }
    return _Role(summary, yaml, MappingProxyType(plain | dict(parts)))


NEW_ROLES: Mapping[str, _Role] = MappingProxyType(
    {
        "strategy": _role(
            "hold what closed near its high",
            "strategy: __NAME__",
            {"STRATEGY": "__NAME__"},
        ),
        "sizer": _role(
            "weights in proportion to the signals, under a cap",
            "sizer: __NAME__",
            {"SIZER": "__NAME__"},
        ),
        "overlay": _role(
            "cut the weights while the benchmark has lost",
            "overlays: [__NAME__]",
            {"EXTRA": "overlays: [__NAME__]\nschedule: week\n"},
        ),
        "trigger": _role(
            "trade when it is worth it, and not too soon again",
            "triggers: [__NAME__]",
            {"EXTRA": "schedule: week\ntriggers: [__NAME__]\n"},
        ),
        "source": _role(
            "prices that are random walks",
            "data:\n  source: {use: __NAME__}",
            {"SOURCE": _WALKS},
        ),
        "report": _role(
            "the metrics as a Markdown table",
            "reports: [__NAME__]",
            {"REPORTS": "__NAME__, tear_sheet"},
        ),
        "analyzer": _role(
            "names held and turnover of each decision",
            "analyzers: [__NAME__]",
            {"EXTRA": "schedule: month\nanalyzers: [__NAME__]\n"},
        ),
        "exit": _role(
            "stop at the entry price once a holding has gained enough",
            "exits: [__NAME__]",
            {"EXTRA": "schedule: month\nexits: [__NAME__]\n"},
        ),
    }
)


@dataclass(frozen=True)
class Scaffold:
    """What is to be started.

    ``full`` adds a memo or more keys, tests of its numbers, and what a release needs.
    """

    role: str
    name: str
    full: bool = False
    single_file: bool = False


def scaffold(wanted: Scaffold, folder: Path) -> tuple[Path, ...]:
    """Write the files into ``folder`` and return their paths.

    Raises:
        ConfigError: the role or the name will not do, or a file exists already; nothing is written
            then.
    """
    _check(wanted)
    contents = {folder / name: text for name, text in _files(wanted).items()}
    taken = [path for path in contents if path.exists()]
    if taken:
        raise ConfigError(
            f"{taken[0]} exists already and is not overwritten; choose another --folder or name"
        )
    for path, text in contents.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    return tuple(contents)


def _check(wanted: Scaffold) -> None:
    name = wanted.name
    if wanted.role not in NEW_ROLES:
        raise ConfigError(
            f"no template for the role {wanted.role!r}; there are {', '.join(NEW_ROLES)}"
        )
    if (
        not re.fullmatch(r"[a-z][a-z0-9_]*", name)
        or iskeyword(name)
        or len(name) > LONGEST
    ):
        raise ConfigError(
            f"the name was {name!r}; expected a Python name of at most {LONGEST} small letters, "
            "digits and _, "
            "such as near_high"
        )
    for offers in catalogue(get_plugin_manager()).offers.values():
        if name in offers:
            offer = offers[name]
            raise ConfigError(
                f"the name {name!r} is taken: {offer.origin} offers the {offer.role} {name!r}"
            )
    if find_spec(name) is not None:
        raise ConfigError(
            f"the name {name!r} is taken: an installed Python module is called so"
        )


def _files(wanted: Scaffold) -> dict[str, str]:
    """Return path -> text."""
    name, role = wanted.name, wanted.role
    module = f"{role}{'_full' if wanted.full else ''}.py"
    if wanted.single_file:
        templates = {f"{name}.py": module, f"{name}.yaml": "run.yaml"}
    else:
        templates = {
            "pyproject.toml": "pyproject.toml",
            "setup.cfg": "setup.cfg",
            "README.md": "README.md",
            f"{name}.yaml": "run.yaml",
            "docs/index.md": "index.md",
            f"src/{name}/__init__.py": "__init__.py",
            f"src/{name}/plugin.py": module,
            "tests/test_conformance.py": "test_conformance.py",
        }
        if wanted.full:
            templates |= {
                "tests/test_numbers.py": f"{role}_test.py",
                "CHANGELOG.md": "CHANGELOG.md",
                ".github/workflows/test.yml": "ci.yml",
            }
    out = {path: _filled(template, wanted) for path, template in templates.items()}
    return out if wanted.single_file else out | {f"src/{name}/py.typed": ""}


def _filled(template: str, wanted: Scaffold) -> str:
    """Return a template with its words, ``__LIKE_THIS__``, put in.

    The longest come first, for some hold others.
    """
    about = NEW_ROLES[wanted.role]
    words = {
        **about.parts,
        "PLUGINS": f"plugins: [{wanted.name}.py]\n" if wanted.single_file else "",
        "YAML_LINE": about.yaml,
        "SUMMARY_CAPITAL": about.summary[0].upper() + about.summary[1:],
        "SUMMARY": about.summary,
        "PLUGIN": f"{wanted.name}.plugin",
        "CLASS": _class_name(wanted),
        "WORDS": wanted.name.replace("_", " "),
        "A_ROLE": f"an {wanted.role}"
        if wanted.role[0] in "aeiou"
        else f"a {wanted.role}",
        "ROLE": wanted.role,
        "NAME": wanted.name,
    }
    file = resources.files("bt_run.cli") / "templates" / f"{template}.txt"
    text = file.read_text(encoding="utf-8")
    for word, value in words.items():
        text = text.replace(f"__{word}__", value)
    return text


def _class_name(wanted: Scaffold) -> str:
    """Return the name in capitals and small letters.

    The role stands behind it where the plugin uses that word itself.
    """
    camel = "".join(part.capitalize() for part in wanted.name.split("_"))
    taken = {*bt_run.__all__, "Field", "Path", "NDArray"}
    return camel + wanted.role.capitalize() if camel in taken else camel
