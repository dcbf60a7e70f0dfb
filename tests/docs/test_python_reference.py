"""The Python reference holds every public name, and the docstrings say what a caller must know."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import pytest
import python_examples
import python_reference
from kit.places import PUBLIC_MODULES, ROOT
from python_groups import ALIASES, GROUPS, VALUES

TEXT = (ROOT / "docs" / "reference" / "python.md").read_text(encoding="utf-8")
MODULES = ("bt_run", "bt_run.testing", "bt_run.testing.conformance", *PUBLIC_MODULES)
PUBLIC = {
    name: getattr(import_module(module), name)
    for module in reversed(MODULES)  # bt_run last: what it has goes by its name there
    for name in import_module(module).__all__
}
# what a parameter is whose type is one of these, its own entry says
RECORDS = {name for name, value in PUBLIC.items() if inspect.isclass(value)}
ARRAYS = re.compile(r"\b(Array|Mask|Times|Indices|NDArray)\b")
SHAPE = re.compile(r"\((?:\w+, ?)*(?:[TNn]|\d)(?:, ?\w*)*\)")


def callables() -> Iterator[tuple[str, Callable[..., Any], str]]:
    """Yield each public function, method and property, with what its owner says of it."""
    for name, value in sorted(PUBLIC.items()):
        if name in VALUES:
            continue
        if not inspect.isclass(value):
            yield name, value, ""
            continue
        for inner, _, function in python_reference.members_of(value):
            yield f"{name}.{inner}", function, inspect.getdoc(value) or ""


each_callable = pytest.mark.parametrize(
    ("function", "owner"), [pytest.param(f, o, id=n) for n, f, o in callables()]
)


def records() -> Iterator[tuple[str, type]]:
    """Yield each public class whose instances a program makes or reads by its fields."""
    for name, value in sorted(PUBLIC.items()):
        if inspect.isclass(value) and hasattr(value, "__dataclass_fields__"):
            yield name, value


each_record = pytest.mark.parametrize(
    "record", [pytest.param(value, id=name) for name, value in records()]
)


def test_every_public_name_is_there_once() -> None:
    shown = re.findall(r"^### (\w+)$", TEXT, flags=re.M)
    assert sorted(shown) == sorted(PUBLIC)


def test_a_name_stands_in_the_module_that_its_heading_names() -> None:
    for group in GROUPS:
        assert set(group.names) <= set(import_module(group.module).__all__), group.title


def test_no_two_headings_have_one_link() -> None:
    heads = [head.lower() for head in re.findall(r"^##+ (.+)$", TEXT, flags=re.M)]
    assert len(set(heads)) == len(heads)


@pytest.mark.parametrize("name", sorted(ALIASES))
def test_a_short_name_of_a_signature_is_written_out(name: str) -> None:
    assert re.search(rf"^- `{name} = .+`: ", TEXT, flags=re.M)


@each_callable
def test_a_docstring_names_the_parameters(
    function: Callable[..., Any], owner: str
) -> None:
    docstring = inspect.getdoc(function)
    assert docstring, "no docstring"
    names = {
        one.name
        for one in inspect.signature(function).parameters.values()
        if one.name not in ("self", "cls") and str(one.annotation) not in RECORDS
    }
    said = f"{docstring} {owner}"
    assert not {name for name in names if not re.search(rf"``[^`]*\b{name}\b", said)}


@each_callable
def test_a_docstring_gives_the_shape_of_an_array(
    function: Callable[..., Any], owner: str
) -> None:
    if ARRAYS.search(str(inspect.signature(function))):
        assert SHAPE.search(f"{inspect.getdoc(function)} {owner}")


@each_callable
def test_a_docstring_names_the_errors_that_the_function_raises(
    function: Callable[..., Any], owner: str
) -> None:
    plain = inspect.unwrap(function)
    tree = ast.parse(textwrap.dedent(inspect.getsource(plain)))
    raised = {
        node.exc.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Raise)
        and isinstance(node.exc, ast.Call)
        and isinstance(node.exc.func, ast.Name)
        and not node.exc.func.id.startswith("_")  # what makes an error of ours
    }
    _, _, section = (inspect.getdoc(function) or "").partition("Raises:")
    assert not {name for name in raised if f"{name}:" not in section}


@each_record
def test_a_record_says_what_its_fields_are(record: Any) -> None:
    docstring = inspect.getdoc(record) or ""
    # what a record has of another one, that one's entry says
    inherited = {
        name
        for base in record.__mro__[1:]
        for name in getattr(base, "__dataclass_fields__", {})
    }
    fields = {
        name: field
        for name, field in record.__dataclass_fields__.items()
        if name not in inherited
    }
    said = re.compile(r"``[^`]*``|^ +[\w, ]+:|\. \w+: ", flags=re.M)
    words = " ".join(said.findall(docstring))
    assert not {name for name in fields if not re.search(rf"\b{name}\b", words)}
    if any(ARRAYS.search(str(field.type)) for field in fields.values()):
        assert SHAPE.search(docstring)


@pytest.mark.parametrize("name", sorted(python_examples.EXAMPLES))
def test_an_example_stands_alone(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    python_examples.EXAMPLES[name]()


def test_what_matters_most_has_an_example() -> None:
    important = {
        *("History", "PortfolioState", "Rows", "LoadRequest", "assemble_bars"),
        *("load_result", "BacktestResult", "make_bars", "make_state", "bars_from"),
        *("run", "run_prices", "prepare", "play", "Component", "Verdict", "Proposal"),
    }
    assert important <= python_examples.EXAMPLES.keys()
