"""The cells that a sweep may try: combinations of values that break no constraint."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bt_run.config.constraints import Constraint, parsed_constraint
from bt_run.config.places import Positions, locate
from bt_run.config.search_space import Axis, LogUniform, values_of
from bt_run.config.sweep_config import SweepConfig
from bt_run.errors import ConfigError
from bt_run.text import did_you_mean

__all__ = ["Candidate", "Space", "candidate_text", "drawn", "every", "space_of"]

# dotted key -> value, in the order of the file
Candidate = tuple[tuple[str, Any], ...]

TRIES = 1000  # draws in a row that bring nothing new, after which there is nothing new


@dataclass(frozen=True)
class Space:
    """The values of each key, the constraints between them, and what other keys hold.

    Attributes:
        axes: dotted key -> its axis.
        constraints: what a candidate must fulfil.
        others: the values of keys that constraints name and no axis has.
    """

    axes: Mapping[str, Axis]
    constraints: tuple[Constraint, ...]
    others: Mapping[str, Any]

    def allows(self, candidate: Candidate) -> bool:
        """Tell whether a ``candidate`` fulfils every constraint.

        Raises:
            ConfigError: a constraint cannot be decided.
        """
        values = {**self.others, **dict(candidate)}
        return all(constraint.holds(values) for constraint in self.constraints)

    @property
    def size(self) -> int | None:
        """Return how many combinations there are, constraints not counted; None for no end."""
        counts = [values_of(axis) for axis in self.axes.values()]
        if any(values is None for values in counts):
            return None
        return math.prod(len(values) for values in counts if values is not None)


def space_of(sweep: SweepConfig, tree: Mapping[str, Any], places: Positions) -> Space:
    """Return what ``sweep`` tries; ``tree`` is the resolved configuration around it, ``places``
    where its keys stand.

    Raises:
        ConfigError: a constraint names a key that is not there.
    """
    constraints = tuple(map(parsed_constraint, sweep.constraints))
    others: dict[str, Any] = {}
    for number, constraint in enumerate(constraints):
        for key in constraint.keys:
            if key not in sweep.over:
                where = ("sweep", "constraints", number)
                others[key] = _value_at(tree, key, where, places)
    return Space(dict(sweep.over), constraints, others)


def every(space: Space) -> Iterator[Candidate]:
    """Yield every candidate of ``space``, the last key changing fastest."""
    axes = [values_of(axis) or () for axis in space.axes.values()]
    for values in itertools.product(*axes):
        candidate = tuple(zip(space.axes, values, strict=True))
        if space.allows(candidate):
            yield candidate


def drawn(space: Space, count: int, seed: int) -> Iterator[Candidate]:
    """Yield ``count`` candidates of ``space`` drawn at random by ``seed``, no two the same; fewer
    where there are not so many.
    """
    random = np.random.default_rng(seed)
    seen: set[str] = set()
    failed = 0
    while len(seen) < count and failed < TRIES:
        candidate = tuple(
            (key, _drawn(axis, random)) for key, axis in space.axes.items()
        )
        text = candidate_text(candidate)
        if text in seen or not space.allows(candidate):
            failed += 1
            continue
        failed = 0
        seen.add(text)
        yield candidate


def candidate_text(candidate: Candidate) -> str:
    """Return a ``candidate`` as JSON, equal for equal ones."""
    return json.dumps(dict(candidate), sort_keys=True, default=str)


def _drawn(axis: Axis, random: np.random.Generator) -> Any:
    if isinstance(axis, LogUniform):
        return axis.at(float(random.random()))
    values = values_of(axis) or ()
    return values[int(random.integers(len(values)))]


def _value_at(
    tree: Mapping[str, Any], key: str, where: tuple[str | int, ...], places: Positions
) -> Any:
    node: Any = tree
    for part in key.split("."):
        if isinstance(node, list) and part.isdigit() and int(part) < len(node):
            node = node[int(part)]
        elif isinstance(node, Mapping) and part in node:
            node = node[part]
        else:
            known = list(node) if isinstance(node, Mapping) else []
            text = f"names {key}, and there is no {part!r}; found {', '.join(known) or 'nothing'}"
            raise ConfigError(locate(places, where, text + did_you_mean(part, known)))
    return node
