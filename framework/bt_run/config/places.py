"""Where something stands in a YAML file, and messages that say so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["KeyPath", "Place", "Positions", "dotted", "locate"]

KeyPath = tuple[str | int, ...]
SHOWN_COLUMNS = 120


@dataclass(frozen=True)
class Place:
    """Where something stands: a file with line and column (from 1), or an override (no line).

    ``folder`` is where relative paths written at this place start.
    """

    source: str
    folder: Path
    line: int | None = None
    column: int = 1
    text: str = ""

    def tell(self, message: str) -> str:
        """Return ``message`` with the place before it, and under it the source line and a caret."""
        if self.line is None:
            return f"{self.source}: {message}"
        skipped = max(0, self.column - SHOWN_COLUMNS)
        shown = self.text.replace("\t", " ")[skipped : skipped + SHOWN_COLUMNS + 20]
        caret = " " * (self.column - 1 - skipped) + "^"
        place = f"{self.source}:{self.line}:{self.column}"
        return f"{place}: {message}\n    {shown.rstrip()}\n    {caret}"


# the places of a key and of its value
Positions = Mapping[KeyPath, tuple[Place, Place]]


def locate(places: Positions, path: KeyPath, message: str, *, key: bool = False) -> str:
    """Return ``message`` with the place of the value (or key) at ``path``, or the nearest above."""
    message = f"{dotted(path)}: {message}" if path else message
    for length in range(len(path), -1, -1):
        found = places.get(path[:length])
        if found:
            return found[0 if key or length < len(path) else 1].tell(message)
    return message


def dotted(path: KeyPath) -> str:
    """Write a key path as the command line does: ``overlays.0.annual``."""
    return ".".join(str(part) for part in path)
