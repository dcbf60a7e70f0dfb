"""The functions that a built component may run, each with its place in the source."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

__all__ = ["Code", "code_of", "methods_of", "resolved"]

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@dataclass(frozen=True, eq=False)
class Code:
    """A function, its syntax tree, the file it stands in, and the class it is a method of."""

    function: FunctionType
    node: FunctionNode
    file: str
    owner: type | None

    @property
    def parameters(self) -> tuple[str, ...]:
        """Return the names of its parameters, without ``self``."""
        arguments = self.node.args
        names = [one.arg for one in (*arguments.posonlyargs, *arguments.args)]
        return tuple(names[1:] if self.owner is not None else names)


def methods_of(thing: Any) -> Iterator[Code]:
    """Yield the code of a built component: its own methods, or the function that it is."""
    if isinstance(thing, FunctionType | MethodType):
        yield from _found(thing, None)
        return
    owner = thing if isinstance(thing, type) else type(thing)
    names = {name for one in owner.__mro__ for name in vars(one)}
    for name in sorted(names):
        yield from _found(inspect.getattr_static(owner, name), owner)


def code_of(thing: Any, owner: type | None = None) -> Code | None:
    """Return a function's code; None where its source cannot be read."""
    function = inspect.unwrap(getattr(thing, "__func__", thing))
    function = getattr(function, "fget", function)
    if not isinstance(function, FunctionType):
        return None
    node = _nodes(function.__code__.co_filename).get(_key(function.__code__))
    if node is None:
        return None
    return Code(function, node, function.__code__.co_filename, owner)


def resolved(code: Code, callee: ast.expr) -> Code | None:
    """Return the code that a call reaches by a plain name, ``self.name`` or ``module.name``."""
    if isinstance(callee, ast.Name):
        found = _by_name(code.function, callee.id)
        return code_of(found) if isinstance(found, FunctionType) else None
    if not isinstance(callee, ast.Attribute) or not isinstance(callee.value, ast.Name):
        return None
    if callee.value.id == "self" and code.owner is not None:
        method = inspect.getattr_static(code.owner, callee.attr, None)
        static = isinstance(method, staticmethod)
        return code_of(method, None if static else code.owner)
    home = _by_name(code.function, callee.value.id)
    if isinstance(home, ModuleType):
        return code_of(getattr(home, callee.attr, None))
    return None


def _found(member: Any, owner: type | None) -> Iterator[Code]:
    if isinstance(member, MethodType):
        owner = type(member.__self__)
    static = isinstance(member, staticmethod)
    found = code_of(member, None if static else owner)
    if found is not None:
        yield found


def _by_name(function: FunctionType, name: str) -> Any:
    """Return what a name means inside a function: a variable around it, or of its module."""
    around = inspect.getclosurevars(function)
    return around.nonlocals.get(name, function.__globals__.get(name))


@lru_cache(maxsize=64)
def _nodes(file: str) -> dict[tuple[str, int], FunctionNode]:
    """Return the functions of a file by name and first line, decorators included."""
    try:
        tree = ast.parse(Path(file).read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError):
        return {}
    found: dict[tuple[str, int], FunctionNode] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Lambda):
            found["<lambda>", node.lineno] = node
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
            found[node.name, first] = node
    return found


def _key(code: CodeType) -> tuple[str, int]:
    return code.co_name, code.co_firstlineno
