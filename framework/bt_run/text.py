"""Words that messages, tables and pages share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any

__all__ = ["aligned", "counted", "day_text", "did_you_mean", "listed", "nearest"]


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the one of the ``known`` words that is most like ``word``, whatever its capitals, or
    None when none is like it.
    """
    by_lower = {name.lower(): name for name in known}
    near = get_close_matches(word.lower(), by_lower, n=1)
    return by_lower[near[0]] if near else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `` (did you mean 'x'?)`` for the nearest known word, or nothing."""
    near = nearest(word, known)
    return f" (did you mean {near!r}?)" if near is not None else ""


def listed(names: Iterable[str], most: int = 5) -> str:
    """Return ``a, b and 3 more``: the first ``most`` names, and how many others there are."""
    every = list(names)
    shown = ", ".join(every[:most])
    return f"{shown} and {len(every) - most} more" if len(every) > most else shown


def counted(count: int, noun: str) -> str:
    """Return ``count`` and ``noun``: ``1 row`` or ``2 rows``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def day_text(time: Any) -> str:
    """Return a pandas ``time`` as its date, with the hour where it is not midnight."""
    return f"{time:%Y-%m-%d}" if time == time.normalize() else f"{time:%Y-%m-%d %H:%M}"


def aligned(
    rows: Sequence[Sequence[str]], right: Sequence[bool] | None = None
) -> list[str]:
    """Return a line for each of the ``rows`` of cells, in columns.

    ``right`` says which columns stand to the right; all but the first where it is not given.
    """
    if not rows:
        return []
    if right is None:
        right = [column > 0 for column in range(len(rows[0]))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(right))]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if to_the_right else cell.ljust(width)
            for cell, width, to_the_right in zip(row, widths, right, strict=True)
        ]
        lines.append("  ".join(cells).rstrip())
    return lines
