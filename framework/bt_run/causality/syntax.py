"""Small questions about the syntax tree of a component."""

from __future__ import annotations

import ast
from collections.abc import Iterator

__all__ = [
    "argument",
    "axis_of",
    "begins_later",
    "called_name",
    "first_begins_later",
    "is_assignment",
    "is_negative",
    "is_transposed",
    "is_true",
    "names_in",
    "row_slice",
    "says",
]


def is_assignment(node: ast.AST) -> bool:
    """Tell whether a statement assigns, a loop and ``with`` too."""
    return isinstance(
        node, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.For | ast.With
    )


def called_name(node: ast.Call) -> str:
    """Return the last name of what a call calls."""
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""


def is_transposed(node: ast.expr) -> bool:
    """Tell whether an expression is the transpose of another."""
    return isinstance(node, ast.Attribute) and node.attr == "T"


def names_in(target: ast.expr) -> Iterator[str]:
    """Yield the names in an expression."""
    return (one.id for one in ast.walk(target) if isinstance(one, ast.Name))


def is_negative(node: ast.expr | None) -> bool:
    """Tell whether an expression is written with a minus in front."""
    return isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)


def is_true(node: ast.expr | None) -> bool:
    """Tell whether an expression is ``True``."""
    return isinstance(node, ast.Constant) and node.value is True


def says(node: ast.expr | None, *words: str) -> bool:
    """Tell whether an expression is one of some constants."""
    return isinstance(node, ast.Constant) and node.value in words


def argument(node: ast.Call, place: int) -> ast.expr | None:
    """Return the argument at a place of a call; None where it has none."""
    return node.args[place] if place < len(node.args) else None


def axis_of(node: ast.Call, keywords: dict[str | None, ast.expr]) -> int | None:
    """Return the axis that a call names; -1 is the last, which is 1 of two."""
    value = keywords.get("axis")
    if value is None:
        owner = node.func.value if isinstance(node.func, ast.Attribute) else None
        array_module = isinstance(owner, ast.Name) and owner.id in ("np", "numpy", "bn")
        place = 1 if array_module else 0
        value = argument(node, place)
    if is_negative(value):
        return 1
    if isinstance(value, ast.Constant):
        if value.value in (1, "columns"):
            return 1
        return 0 if value.value in (0, "index", "rows") else None
    return None


def row_slice(index: ast.expr) -> ast.Slice | None:
    """Return the slice of rows of an index; None where it has none."""
    rows = index.elts[0] if isinstance(index, ast.Tuple) and index.elts else index
    return rows if isinstance(rows, ast.Slice) else None


def begins_later(index: ast.expr) -> bool:
    """Tell whether rows are cut off at the beginning: ``[k:]``."""
    rows = row_slice(index)
    if rows is None or rows.lower is None or rows.upper is not None:
        return False
    lower = rows.lower
    return not (
        isinstance(lower, ast.Constant) and lower.value == 0
    ) and not is_negative(lower)


def first_begins_later(node: ast.Call) -> bool:
    """Tell whether the first of some joined arrays is cut off at its beginning."""
    first = argument(node, 0)
    if isinstance(first, ast.Tuple | ast.List) and first.elts:
        first = first.elts[0]
    while isinstance(first, ast.Call) and isinstance(first.func, ast.Attribute):
        first = first.func.value  # x[k:].copy()
    return isinstance(first, ast.Subscript) and begins_later(first.slice)
