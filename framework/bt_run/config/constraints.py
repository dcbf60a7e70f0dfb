"""Conditions between keys, such as ``strategy.fast < strategy.slow``: names, numbers and signs."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from bt_run.errors import ConfigError

__all__ = ["Constraint", "parsed_constraint"]

# a key may have a number in it, overlays.0.annual, which no Python name has
_KEY = re.compile(r"[A-Za-z_]\w*(?:\.\w+)*")
_WORDS = frozenset({"and", "or", "not"})
_EXPECTED = "expected keys, numbers, + - * /, comparisons, and, or, not"

Values = Mapping[str, Any]
_COMPARISONS: Mapping[type, Callable[[Any, Any], bool]] = MappingProxyType(
    {
        ast.Lt: operator.lt,
        ast.LtE: operator.le,
        ast.Gt: operator.gt,
        ast.GtE: operator.ge,
        ast.Eq: operator.eq,
        ast.NotEq: operator.ne,
    }
)
_ARITHMETIC: Mapping[type, Callable[[Any, Any], Any]] = MappingProxyType(
    {
        ast.Add: operator.add,
        ast.Sub: operator.sub,
        ast.Mult: operator.mul,
        ast.Div: operator.truediv,
    }
)


@dataclass(frozen=True)
class Constraint:
    """A condition and the keys in it."""

    text: str
    keys: tuple[str, ...]
    tree: ast.expr

    def holds(self, values: Values) -> bool:
        """Tell whether the ``values`` of the keys fulfil it.

        Raises:
            ConfigError: they cannot be compared.
        """
        named = {f"_{number}": values[key] for number, key in enumerate(self.keys)}
        try:
            return bool(_value(self.tree, named))
        except (TypeError, ArithmeticError) as error:
            told = ", ".join(f"{key} = {values[key]!r}" for key in self.keys)
            raise ConfigError(
                f"the constraint `{self.text}` cannot be decided: {error}; found {told}"
            ) from error


def parsed_constraint(text: str) -> Constraint:
    """Read a constraint from its ``text``.

    Raises:
        ValueError: it is no condition between keys.
    """
    keys: list[str] = []

    def named(match: re.Match[str]) -> str:
        word = match[0]
        if word in _WORDS:
            return word
        if word not in keys:
            keys.append(word)
        return f"_{keys.index(word)}"

    try:
        tree = ast.parse(_KEY.sub(named, text).strip(), mode="eval").body
    except SyntaxError as error:
        raise ValueError(f"not a condition: {text!r}; {_EXPECTED}") from error
    _refuse_others(tree, text)
    if not keys:
        raise ValueError(f"{text!r} names no key; {_EXPECTED}")
    if not isinstance(tree, ast.Compare | ast.BoolOp | ast.UnaryOp):
        raise ValueError(f"{text!r} compares nothing; {_EXPECTED}")
    return Constraint(text, tuple(keys), tree)


def _refuse_others(tree: ast.expr, text: str) -> None:
    allowed = (ast.Compare, ast.BoolOp, ast.UnaryOp, ast.BinOp, ast.Name, ast.Constant)
    signs = (ast.boolop, ast.unaryop, ast.Load)
    for node in ast.walk(tree):
        if isinstance(node, allowed + signs):
            continue
        if type(node) in _COMPARISONS or type(node) in _ARITHMETIC:
            continue
        raise ValueError(f"{text!r} has a {type(node).__name__}; {_EXPECTED}")


def _value(node: ast.expr, values: Values) -> Any:
    match node:
        case ast.Name():
            return values[node.id]
        case ast.Constant():
            return node.value
        case ast.BoolOp():
            found = (_value(item, values) for item in node.values)
            return all(found) if isinstance(node.op, ast.And) else any(found)
        case ast.UnaryOp():
            inner = _value(node.operand, values)
            return not inner if isinstance(node.op, ast.Not) else -inner
        case ast.BinOp():
            left, right = _value(node.left, values), _value(node.right, values)
            return _ARITHMETIC[type(node.op)](left, right)
        case ast.Compare():
            return _compared(node, values)
    raise TypeError(f"a {type(node).__name__} has no value")


def _compared(node: ast.Compare, values: Values) -> bool:
    terms = [_value(item, values) for item in (node.left, *node.comparators)]
    pairs = zip(node.ops, terms, terms[1:], strict=False)
    return all(_COMPARISONS[type(op)](one, other) for op, one, other in pairs)
