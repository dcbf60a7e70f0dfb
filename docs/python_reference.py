"""The Python page of the reference: every public name with its signature, words and example."""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator
from functools import cached_property
from importlib import import_module
from typing import Any, ForwardRef, is_typeddict

import python_examples
from pydantic import BaseModel
from python_groups import ALIASES, GROUPS, VALUES, Group
from reference_text import prose, table

from bt_run import BtRunError

WIDTH = 88  # columns of a signature on one line
INTRO = """\
What a notebook and a plugin import: the names of `bt_run`, and the modules that a
heading names. Everything else may change without notice. Of arrays the shape is
said: T bars, N assets in sorted order, n rows or orders. Fractions are of the NAV or
of a year, 0.01 for 1 %; money is in the account's currency. The examples are run by
the test suite."""
ALIASES_INTRO = """\
`FrameKeys` and the like are written out. Other names that are not above are inner: what
has such a type is handed on, and read by its fields."""


def python_page() -> str:
    """Return the page: an index, then a section for each group."""
    index = ["| for | names |", "|---|---|", *map(index_row, GROUPS)]
    lines = ["# Python", INTRO, "\n".join(index)]
    for group in GROUPS:
        module = "" if group.module == "bt_run" else f" From `{group.module}`."
        lines += [f"## {group.title}", f"{group.about}{module}"]
        for name in group.names:
            lines += entry(name, getattr(import_module(group.module), name))
    lines += ["## Short names in signatures", ALIASES_INTRO, "\n".join(aliases())]
    return "\n\n".join(lines)


def aliases() -> Iterator[str]:
    """Yield what each alias stands for, as its source writes it, as an item of a list."""
    for name, (module, text) in ALIASES.items():
        for node in ast.parse(inspect.getsource(import_module(module))).body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
                meant = ast.unparse(node.value).replace("'", '"')
                yield f"- `{name} = {meant}`: {text}"


def index_row(group: Group) -> str:
    names = ", ".join(f"[{name}](#{name.lower()})" for name in group.names)
    return f"| {group.title} | {names} |"


def entry(name: str, value: Any) -> Iterator[str]:
    """Yield the parts of what the page says of a name."""
    yield f"### {name}"
    if name in VALUES:
        yield VALUES[name]
        return
    if shown := shown_signature(name, value):
        yield f"```py\n{shown}\n```"
    yield prose(value.__doc__)
    if inspect.isclass(value):
        made = vars(value).get("__init__")
        # one of its own; what a dataclass is given has no docstring
        if inspect.isfunction(made) and made.__doc__:
            yield prose(made.__doc__)
        if issubclass(value, BtRunError):
            yield f"Exit code of `bt-run`: {value.exit_code}."
        elif issubclass(value, BaseModel):
            yield keys_of(name, value)
        members = "\n".join(member(*item) for item in members_of(value))
        if members:
            yield "**Methods and properties**"
            yield members
    if example := examples().get(name):
        yield f"```python\n{example}\n```"


def keys_of(name: str, model: type[BaseModel]) -> str:
    if name == "RunConfig":
        return "Its keys are under [Configuration](configuration.md)."
    return table(model) if model.model_fields else "It has no keys of its own."


# -- signatures ------------------------------------------------------------------------------------


def shown_signature(name: str, value: Any) -> str:
    """Return how a name is called; nothing for what is not called, or by keys that stand below."""
    if inspect.isclass(value):
        silent = (BtRunError, BaseModel)
        if issubclass(value, silent) or getattr(value, "_is_protocol", False):
            return ""
        if value.__init__ is object.__init__:
            return ""
    return called(name, value)


def called(name: str, value: Any) -> str:
    """Return name, parameters and what is returned, on one line or with one for each."""
    signature = inspect.signature(value)
    every = list(signature.parameters.values())
    own = [one for one in every if one.name not in ("self", "cls")]
    given = list(parameter_texts(own, sys.modules[value.__module__]))
    returned = "" if inspect.isclass(value) else type_text(signature.return_annotation)
    arrow = f" -> {returned}" if returned else ""
    line = f"{name}({', '.join(given)}){arrow}"
    if len(line) <= WIDTH:
        return line
    rows = "".join(f"    {text},\n" for text in given)
    return f"{name}(\n{rows}){arrow}"


def parameter_texts(own: list[inspect.Parameter], module: Any) -> Iterator[str]:
    starred = False
    for one in own:
        if one.kind is one.KEYWORD_ONLY and not starred:
            starred = True
            yield "*"
        if one.kind is one.VAR_KEYWORD:
            yield from unpacked(one, module)
        else:
            yield parameter_text(one)


def parameter_text(one: inspect.Parameter) -> str:
    kind = type_text(one.annotation)
    typed = f"{one.name}: {kind}" if kind else one.name
    if one.default is one.empty:
        return typed
    default = repr(one.default)
    # what a factory makes, and objects, say nothing of themselves
    return f"{typed} = {'...' if default.startswith('<') else default}"


def unpacked(one: inspect.Parameter, module: Any) -> Iterator[str]:
    """Yield the keys of a typed dictionary that stand for ``**keys``."""
    kind = type_text(one.annotation).removeprefix("Unpack[").removesuffix("]")
    keys = getattr(module, kind)
    assert is_typeddict(keys), kind
    for name, annotation in keys.__annotations__.items():
        yield f"{name}: {type_text(annotation)} = ..."


def type_text(annotation: Any) -> str:
    """Return an annotation as it stands in the source."""
    if annotation is inspect.Parameter.empty:
        return ""
    if isinstance(annotation, ForwardRef):
        return annotation.__forward_arg__
    if isinstance(annotation, str):
        return annotation.replace("'", '"') if "Literal" in annotation else annotation
    return inspect.formatannotation(annotation)


# -- members ---------------------------------------------------------------------------------------


def members_of(owner: type) -> Iterator[tuple[str, Any, Callable[..., Any]]]:
    """Yield the name, the member itself and its function, of all that a class defines for users."""
    for name, value in vars(owner).items():
        if name.startswith("_") and name != "__len__":
            continue
        if name in ("model_config", "model_post_init"):
            continue
        function = function_of(value)
        if function is not None:
            yield name, value, function


def function_of(member: Any) -> Callable[..., Any] | None:
    """Return the function behind a method or a property; None of what is none."""
    if isinstance(member, property):
        return member.fget
    if isinstance(member, cached_property):
        return member.func
    if isinstance(member, classmethod | staticmethod):
        return member.__func__
    return member if inspect.isfunction(member) else None


def member(name: str, value: Any, function: Callable[..., Any]) -> str:
    """Return a method or property as an item of a list."""
    if isinstance(value, property | cached_property):
        shown = f"{name}: {type_text(inspect.signature(function).return_annotation)}"
    else:
        shown = called(name, function).replace("__len__()", "len(self)")
    text = prose(function.__doc__)
    if "\n" not in shown:
        return f"- `{shown}`\n\n{textwrap.indent(text, '  ')}\n"
    block = textwrap.indent(f"```py\n{shown}\n```", "  ").lstrip()
    return f"- {block}\n\n{textwrap.indent(text, '  ')}\n"


# -- examples --------------------------------------------------------------------------------------


def examples() -> dict[str, str]:
    """Return the text of each example by the name that it shows."""
    return {name: body(function) for name, function in python_examples.EXAMPLES.items()}


def body(function: Callable[[], None]) -> str:
    """Return what stands in a function, without its first line."""
    lines = inspect.getsource(function).splitlines()
    start = next(i for i, line in enumerate(lines) if line.rstrip().endswith(":"))
    return textwrap.dedent("\n".join(lines[start + 1 :])).strip()
