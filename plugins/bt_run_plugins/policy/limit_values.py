"""The limits of a policy in the words and units of whoever wrote them."""

from __future__ import annotations

from math import ceil, floor
from typing import Any

from bt_run_plugins.policy.limits import (
    INVESTED,
    MIN_POSITION,
    QUALITY,
    RESTRICTIONS,
    TURNOVER,
)
from bt_run_plugins.policy.policy import OptimizationPolicy

__all__ = [
    "limit_text",
    "limit_value",
    "limit_words",
    "relaxed_value",
    "requirement",
    "units_of",
]

_DIGITS = 1e6  # values are suggested to six digits
_SLIP = 1e-9  # what a solver may leave on a value that would be round


def limit_words(name: str) -> str:
    """Return the key of a limit as a policy has it."""
    return "invested" if name == INVESTED else name


def limit_value(policy: OptimizationPolicy, name: str) -> Any:
    """Return what the policy says: a number, or the two of ``invested``."""
    if name == INVESTED:
        return policy.invested
    key, _, sector = name.partition(".")
    found = getattr(policy, key, None)
    return found[sector] if sector and isinstance(found, dict) else found


def limit_text(policy: OptimizationPolicy, name: str) -> str:
    """Return a limit with its value: ``max_turnover_pct 0.2 (two_way)``."""
    if name == RESTRICTIONS:
        return "the restrictions"
    value = limit_value(policy, name)
    if name == INVESTED:
        return f"invested [{value[0]:g}, {value[1]:g}]"
    convention = f" ({policy.turnover_convention})" if name == TURNOVER else ""
    return f"{name} {value:g}{convention}"


def units_of(policy: OptimizationPolicy, name: str) -> float:
    """Return how much of the problem's own unit one unit of the policy's limit is."""
    return policy.two_ways if name == TURNOVER else 1.0


def relaxed_value(policy: OptimizationPolicy, name: str, slack: float) -> Any:
    """Return the value that a limit has when it gives way by ``slack`` of the problem's own unit,
    to six digits, on the side that suffices.
    """
    value = limit_value(policy, name)
    by = slack / units_of(policy, name)
    if name == INVESTED:
        return _down(value[0] - by), value[1]
    if _gives_way_downwards(name):
        return _down(value - by)
    return _up(value + by)


def requirement(policy: OptimizationPolicy, name: str, value: Any) -> str:
    """Return what a limit would have to be: ``max_turnover_pct >= 0.31``."""
    if name == INVESTED:
        return f"invested [{value[0]:g}, {value[1]:g}]"
    sign = "<=" if _gives_way_downwards(name) else ">="
    return f"{name} {sign} {value:.6g}"


def _gives_way_downwards(name: str) -> bool:
    return name in (MIN_POSITION, QUALITY) or name.startswith("sector_floors.")


def _up(value: float) -> float:
    return ceil((value - _SLIP) * _DIGITS) / _DIGITS


def _down(value: float) -> float:
    return max(floor((value + _SLIP) * _DIGITS) / _DIGITS, 0.0)
