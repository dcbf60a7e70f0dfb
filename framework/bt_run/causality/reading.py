"""A reading of the source: what in a component's code looks as if it reached ahead.

It proves nothing; it sees what no other future shows, such as a leak on a date that was not tried.
In a vectorised strategy arrays over all bars are followed from ``signals(bars)`` through
assignments and calls; an event-driven component sees the past only, so what it does with that is
its own, unless it reaches behind it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bt_run.causality.reached_code import Code, code_of, methods_of, resolved
from bt_run.causality.vocabulary import MEMORY, READERS
from bt_run.causality.whole_rows import WholeRows
from bt_run.roles import Signals

__all__ = ["Suspicion", "suspicion_text", "suspicions"]

PRIVATE = ("_bars", "_signals", "_tracks", "_t")
KNOW_ALL = ("gc", "inspect", "sys", "ctypes")
LINES = ("close", "open", "high", "low", "volume", "datetime", "lines")
MOST = 400  # functions that are followed from one component


@dataclass(frozen=True, order=True)
class Suspicion:
    """A line that looks as if it reached ahead, of which component, and why."""

    component: str
    file: str
    line: int
    why: str


def suspicion_text(found: Suspicion) -> str:
    """Say where the line is and what it looks like."""
    name = Path(found.file).name
    return f"{found.component}: {name}, line {found.line}: {found.why}"


def suspicions(components: Mapping[str, Any]) -> tuple[Suspicion, ...]:
    """Return what looks suspicious in built components, by their labels, sorted.

    Code of the core and of libraries is not read, only that beside the component's own.
    """
    found: set[Suspicion] = set()
    for label, thing in components.items():
        for file, line, why in _in_component(thing):
            found.add(Suspicion(label, file, line, why))
    return tuple(sorted(found))


def _in_component(thing: Any) -> Iterator[tuple[str, int, str]]:
    methods = list(methods_of(thing))
    homes = {str(Path(code.file).parent) for code in methods}
    read: set[int] = set()
    for code in methods:
        for reached in _followed(code, homes):
            if id(reached.node) not in read:
                read.add(id(reached.node))
                told = [*_behind(reached.node)]
                # what a component reads while it is built is there before the run
                if getattr(code.node, "name", "") != "__init__":
                    told += _from_files(reached.node)
                for line, why in told:
                    yield reached.file, line, why
    if isinstance(thing, Signals):
        start = code_of(type(thing).signals, type(thing))
        if start is not None:
            yield from _over_all_bars(start, homes)


def _followed(start: Code, homes: set[str]) -> Iterator[Code]:
    """Yield the code that is reached by calls from ``start``, in files beside the component's."""
    waiting, seen = [start], set[int]()
    while waiting and len(seen) < MOST:
        code = waiting.pop()
        if id(code.node) in seen or str(Path(code.file).parent) not in homes:
            continue
        seen.add(id(code.node))
        yield code
        for call in _calls(code.node):
            found = resolved(code, call.func)
            if found is not None:
                waiting.append(found)


def _over_all_bars(start: Code, homes: set[str]) -> Iterator[tuple[str, int, str]]:
    """Follow arrays over all bars from ``signals(bars)`` on, through the calls they go into."""
    waiting = [(start, frozenset(start.parameters[:1]))]
    seen: set[tuple[int, frozenset[str]]] = set()
    while waiting and len(seen) < MOST:
        code, whole = waiting.pop()
        key = id(code.node), whole
        if key in seen or str(Path(code.file).parent) not in homes:
            continue
        seen.add(key)
        rows = WholeRows(whole)
        rows.read(code.node)
        for line, why in rows.told:
            yield code.file, line, why
        for call, given in rows.calls:
            found = resolved(code, call.func)
            if found is not None:
                waiting.append((found, _received(found, given)))


def _received(code: Code, given: Iterable[int | str]) -> frozenset[str]:
    """Return the parameters in which arrays over all bars arrive."""
    names = code.parameters
    return frozenset(
        one if isinstance(one, str) else names[one]
        for one in given
        if isinstance(one, str) or one < len(names)
    )


def _behind(node: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield what reaches behind the arrays and views that a component is given."""
    for one in ast.walk(node):
        if isinstance(one, ast.Attribute):
            if one.attr == "base":
                yield one.lineno, ".base: what lies behind an array"
            elif one.attr in PRIVATE and not _is_self(one.value):
                yield (
                    one.lineno,
                    f".{one.attr}: a private attribute of what it is given",
                )
        elif isinstance(one, ast.Call) and _name(one.func) == "as_strided":
            yield one.lineno, "as_strided: reads beyond the array it is given"
        elif isinstance(one, ast.Call) and _knows_all(one.func):
            name = _name(one.func)
            yield one.lineno, f"{name}: finds what a component is not given"
        elif isinstance(one, ast.Subscript) and _is_line(one.value):
            index = one.slice.value if isinstance(one.slice, ast.Constant) else None
            if isinstance(index, int) and index > 0:
                yield one.lineno, f"[{index}] of a line: a later bar in Backtrader"


def _knows_all(callee: ast.expr) -> bool:
    """Tell whether a call asks for all objects or frames of the process."""
    if not isinstance(callee, ast.Attribute) or callee.attr not in MEMORY:
        return False
    return isinstance(callee.value, ast.Name) and callee.value.id in KNOW_ALL


def _from_files(node: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield what reads files by a library whose reading nothing else sees."""
    for call in _calls(node):
        if _name(call.func) in READERS:
            yield call.lineno, f"{_name(call.func)}: a file read while the run decides"


def _is_line(value: ast.expr) -> bool:
    """Tell whether an expression is a line of a Backtrader feed, such as self.data.close."""
    if not isinstance(value, ast.Attribute) or value.attr not in LINES:
        return False
    around = value.value
    names = [one.attr for one in ast.walk(around) if isinstance(one, ast.Attribute)]
    names += [one.id for one in ast.walk(around) if isinstance(one, ast.Name)]
    return any(name.startswith("data") for name in names)


def _is_self(value: ast.expr) -> bool:
    return isinstance(value, ast.Name) and value.id in ("self", "cls")


def _name(callee: ast.expr) -> str:
    if isinstance(callee, ast.Attribute):
        return callee.attr
    return callee.id if isinstance(callee, ast.Name) else ""


def _calls(node: ast.AST) -> Iterator[ast.Call]:
    return (one for one in ast.walk(node) if isinstance(one, ast.Call))
