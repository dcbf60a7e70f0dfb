"""Write the pages of docs/reference from the program itself: ``python docs/reference.py``."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
from pydantic import BaseModel
from python_reference import python_page
from reference_text import table

from bt_run import RunConfig, hookspecs
from bt_run.catalogue import Offer
from bt_run.cli.entry import command_line
from bt_run.component import ROLES
from bt_run.config.fields import leaf_types
from bt_run.plugins import built_in_modules, catalogue, get_plugin_manager
from bt_run.roles import ABILITIES

DOCS = Path(__file__).resolve().parent
FOLDER = DOCS / "reference"
NOTE = "<!-- written by `python docs/reference.py`; edit the program instead -->"
WIDTH = 80  # columns of the commands' help
PAGES = {  # a component's own page, by what its module is called
    "qp_tracker": "tracker",
    "policy_optimizer": "policy",
    "simulated": "fills",
    "html": "report",
    "comparison": "tracker",
    "files": "data",
    "sample": "data",
    "market_data": "market_data",
}


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
        print(f"docs/reference/{name}")  # noqa: T201 - a script


def pages() -> dict[str, str]:
    """Return the text of every page of the reference, by its file's name."""
    # only what ships with bt-run: what else is installed here is no part of its reference
    offered = catalogue(get_plugin_manager())
    shipped = {
        role: {
            name: offer
            for name, offer in sorted(offers.items())
            if offer.origin in built_in_modules()
        }
        for role, offers in offered.offers.items()
    }
    made = {
        "hooks.md": hooks_page(),
        "components.md": components_page(shipped),
        "configuration.md": configuration_page(),
        "commands.md": commands_page(),
        "python.md": python_page(),
    }
    return {name: f"{NOTE}\n\n{text.strip()}\n" for name, text in made.items()}


# -- hooks -----------------------------------------------------------------------------------------


def hooks() -> dict[str, Any]:
    """Return every hook's specification by name, in the order in which they fire."""
    return {
        name: hook for name, hook in vars(hookspecs).items() if name.startswith("bt_")
    }


def signature(name: str) -> str:
    """Return the hook's signature as it stands in the source, types included."""
    return f"{name}{inspect.signature(hooks()[name])}".replace("'", "")


def hooks_page() -> str:
    lines = ["# Hooks", inspect.cleandoc(hookspecs.__doc__ or ""), HOOKS_INTRO]
    source = inspect.getsource(hookspecs)
    groups = re.split(r"\n# -- (.*?) -+\n", source)
    order = 0
    for title, body in zip(groups[1::2], groups[2::2], strict=True):
        head, _, rest = title.partition(": ")
        lines.append(f"## {head[0].upper()}{head[1:]}")
        if rest:
            lines.append(f"{rest[0].upper()}{rest[1:]}.")
        for name in re.findall(r"^def (bt_\w+)", body, flags=re.M):
            order += 1
            lines.append(f"### {name}")
            lines.append(f"```py\n{signature(name)}\n```")
            role = next(
                (role.name for role in ROLES.values() if role.hook == name), None
            )
            doc = inspect.cleandoc(hooks()[name].__doc__ or "").replace("``", "`")
            lines.append(doc)
            when = (
                f"Fires whenever plugins are looked up. What ships: [{role}](components.md#{role})."
                if role
                else FIRES[name]
            )
            lines.append(f"Place {order} of {len(hooks())}. {when}")
    return "\n\n".join(lines)


HOOKS_INTRO = """\
A plugin implements a hook with `@hookimpl` from `bt_run`. Arguments are matched by
name: take those you need. An unknown hook, or one without the decorator, is an
error. There is a fresh plugin manager for each run."""
FIRES = {
    "bt_commands": "Fires once per `bt-run` process, before a command is chosen. A failure is a "
    "warning.",
    "bt_before_run": "Fires once per run, after the data are loaded and checked.",
    "bt_decided": "Fires at every scheduled decision; never in classic mode, which has none.",
    "bt_after_run": "Fires once per run, after the metrics and before the reports.",
    "bt_run_failed": "Fires once, when anything after `bt_before_run` raised.",
}


# -- components ------------------------------------------------------------------------------------


def components_page(shipped: Mapping[str, Mapping[str, Offer]]) -> str:
    lines = ["# Components", COMPONENTS_INTRO]
    for role, offers in shipped.items():
        lines.append(f"## {role.capitalize()}")
        about = ROLES[role]
        contract = about.contract[:1].upper() + about.contract[1:]
        lines.append(
            f"Key in the YAML file: `{about.key}`. Hook: [`{about.hook}`](hooks.md#{about.hook}). "
            f"{contract}."
        )
        if not offers:
            lines.append(f"No {role} ships with bt-run.")
        for offer in offers.values():
            lines += component(offer)
    lines += abilities()
    return "\n\n".join(lines)


def abilities() -> Iterator[str]:
    """Yield what a built component may have beside the methods of its role."""
    yield "## What a component may have beside its role"
    yield ABILITIES_INTRO
    for ability in ABILITIES:
        yield f"### {ability.__name__}"
        yield inspect.cleandoc(ability.__doc__ or "").replace("``", "`")


ABILITIES_INTRO = """\
Each is a protocol in `bt_run`: a component has it by having what it names, and need
not inherit from anything."""
COMPONENTS_INTRO = """\
What ships with bt-run, by role. `bt-run plugins` lists these and whatever else is
installed."""


def component(offer: Offer) -> Iterator[str]:
    yield f"### {offer.component.name}"
    page = page_of(offer)
    more = f" More: [{page}](../{page}.md)." if page else ""
    summary = offer.component.summary
    yield f"{summary[0].upper()}{summary[1:]}. From `{offer.origin}`.{more}"
    config = offer.component.config
    yield table(config) if config.model_fields else "No keys."
    for path, model in models(config):
        yield f"Keys of `{path}`:"
        yield table(model)


def page_of(offer: Offer) -> str | None:
    """Return the component's page without its ending, if it has one that is written."""
    page = next(
        (page for word, page in PAGES.items() if word in offer.origin.split(".")), None
    )
    return page if page and (DOCS / f"{page}.md").is_file() else None


# -- configuration ---------------------------------------------------------------------------------


def configuration_page() -> str:
    lines = [
        "# Configuration",
        CONFIGURATION_INTRO,
        "## The run",
        table(RunConfig),
        EXTENDS,
    ]
    for path, model in models(RunConfig):
        lines += [
            f"## {path}",
            (inspect.cleandoc(model.__doc__ or "")).replace("``", "`"),
            table(model),
        ]
    return "\n\n".join(lines)


def models(
    model: type[BaseModel], above: str = ""
) -> Iterator[tuple[str, type[BaseModel]]]:
    """Yield every model below ``model`` with its dotted path."""
    for name, field in model.model_fields.items():
        for leaf in sorted(
            leaf_types(field.annotation), key=lambda kind: kind.__name__
        ):
            if issubclass(leaf, BaseModel) and leaf.__name__ != "ComponentSpec":
                path = f"{above}{name}" + (
                    ".NAME" if "dict" in str(field.annotation) else ""
                )
                yield path, leaf
                yield from models(leaf, f"{path}.")


CONFIGURATION_INTRO = """\
Every key of a YAML file. Unknown keys are refused, with the nearest known one. A
component is written `{use: NAME, key: value}` or by its bare `NAME`; the keys of
each are under [Components](components.md). Relative paths start at the folder of
the file in which they stand. `--set broker.cash=50000` on the command line
overrides one key."""
EXTENDS = (
    "`extends: other.yaml` in a file inherits the keys of another; mappings are merged, lists are "
    "replaced."
)


# -- commands --------------------------------------------------------------------------------------


def commands_page() -> str:
    lines = ["# Commands", COMMANDS_INTRO]
    for words, command in commands(command_line(), ("bt-run",)):
        lines.append(f"{'#' * min(len(words) + 1, 4)} {' '.join(words)}")
        lines.append(f"```text\n{help_of(command, words)}\n```")
    return "\n\n".join(lines)


COMMANDS_INTRO = """What `--help` says. `bt-run FILE` is short for `bt-run run FILE`."""


def commands(
    command: click.Command, words: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield a command and all below it, with the words that call each."""
    yield words, command
    if isinstance(command, click.Group):
        for name in sorted(command.commands):
            yield from commands(command.commands[name], (*words, name))


def help_of(command: click.Command, words: tuple[str, ...]) -> str:
    with click.Context(
        command,
        info_name=" ".join(words),
        terminal_width=WIDTH,
        max_content_width=WIDTH,
    ) as context:
        text = command.get_help(context)
    return "\n".join(line.replace("\b", "").rstrip() for line in text.splitlines())


if __name__ == "__main__":
    main()
