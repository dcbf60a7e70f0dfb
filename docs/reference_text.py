"""What the pages of the reference share: docstrings and configurations as Markdown."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterator

from pydantic import BaseModel

from bt_run.config.fields import field_rows

SECTIONS = ("Attributes", "Raises")  # those that docstrings of this house have


def escaped(text: str) -> str:
    """Keep text from being read as emphasis, a reference or HTML."""
    outside = [
        re.sub(r"([\\*\[]|<(?=[A-Za-z/!]))", r"\\\1", part) if i % 2 == 0 else part
        for i, part in enumerate(re.split(r"(`[^`]*`)", text))
    ]
    return "".join(outside)


def cell(text: str) -> str:
    """Keep a cell's text from being read as a table too."""
    return escaped(text).replace("|", r"\|")


def prose(docstring: str | None) -> str:
    """Return a docstring as Markdown: paragraphs, and its sections as lists."""
    parts = []
    for paragraph in inspect.cleandoc(docstring or "").split("\n\n"):
        head, _, rest = paragraph.partition("\n")
        if head.removesuffix(":") in SECTIONS:
            parts.append(f"**{head.removesuffix(':')}**\n\n{items(rest)}")
        else:
            # what is indented is a formula, and stays as it stands
            own = paragraph.replace("``", "`")
            parts.append(own if own.startswith("    ") else escaped(own))
    return "\n\n".join(parts)


def items(section: str) -> str:
    """Return ``name: text`` items of a section as a list."""
    found: list[str] = []
    for line in textwrap.dedent(section).splitlines():
        if line.startswith(" "):
            found[-1] += f" {line.strip()}"
        else:
            found.append(line)
    lines = []
    for item in found:
        names, _, text = item.partition(": ")
        shown = ", ".join(f"`{name}`" for name in names.split(", "))
        lines.append(f"- {shown}: {escaped(text.replace('``', '`'))}")
    return "\n".join(lines)


def table(model: type[BaseModel]) -> str:
    """Return the keys of a configuration as a table."""
    lines = ["| key | type | default | description |", "|---|---|---|---|"]
    for row in field_rows(model):
        kind = re.sub(r"\{.*\}", "keys below", row.type)
        default = "required" if row.default is None else f"`{row.default}`"
        if default.startswith("`{") and kind != row.type:
            default = "as below"
        cells = (
            f"`{row.name}`",
            ", ".join([kind, *bounds(model, row.name)]),
            default,
            row.description,
        )
        lines.append(f"| {' | '.join(cell(text) for text in cells)} |")
    return "\n".join(lines)


def bounds(model: type[BaseModel], name: str) -> Iterator[str]:
    """Yield what a number must satisfy, such as ``>= 0``."""
    for mark in model.model_fields[name].metadata:
        for word, sign in (("ge", ">="), ("gt", ">"), ("le", "<="), ("lt", "<")):
            if hasattr(mark, word):
                yield f"{sign} {getattr(mark, word):g}"
