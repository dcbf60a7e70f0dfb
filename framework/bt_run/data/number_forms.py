"""Numbers as files write them: read in the declared way, or refused with what to declare."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from bt_run.arrays import Array
from bt_run.errors import DataError
from bt_run.model import Config

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["NumberForm", "written_numbers"]

MULTIPLES = (("K", 1e3), ("M", 1e6), ("B", 1e9), ("T", 1e12))
NOTHING = frozenset({"", "-", "nan", "null", "none"})  # lower case


class NumberForm(Config):
    """How a file writes numbers, where that is not 1234.5."""

    decimal: Literal[".", ","] = Field(
        default=".", description="what stands before the fraction"
    )
    thousands: Literal["", ",", ".", " ", "'"] = Field(
        default="", description="what stands between groups of three digits"
    )
    currency: str = Field(
        default="", description="a sign before each number that is left out, such as $"
    )
    multiples: bool = Field(
        default=False,
        description="K, M, B or T after a number are 1e3, 1e6, 1e9 or 1e12",
    )

    @model_validator(mode="after")
    def _two_signs(self) -> Self:
        if self.decimal == self.thousands:
            raise ValueError(
                f"decimal and thousands were both {self.decimal!r}; expected two"
            )
        return self


def written_numbers(
    where: str, column: pd.Series[Any], form: NumberForm | None
) -> Array:
    """Return the numbers (n,) of a column, NaN where a cell is empty; ``where`` names file and
    column.

    Raises:
        DataError: names the row that is no number in that form, and the form in which it is one.
    """
    if column.dtype.kind in "iufb":
        return column.to_numpy(dtype=np.float64)
    try:
        if form is None:
            # Python reads 28_0.6 as 280.6, and no file means that
            if column.astype(str).str.contains("_", regex=False).any():
                raise ValueError
            return column.to_numpy(dtype=np.float64)
        text = column.astype(object).where(column.notna(), "").astype(str).str.strip()
        return _parsed(where, text, form)
    except (TypeError, ValueError):
        raise _no_number(where, column, form) from None


def _parsed(where: str, text: pd.Series[Any], form: NumberForm) -> Array:
    """Return numbers of text that is written in the form.

    Raises:
        ValueError: a cell is not.
    """
    empty = text.str.lower().isin(NOTHING)
    fit = text.str.fullmatch(_pattern(form)) | empty
    if not fit.all():
        raise ValueError
    plain = text.where(~empty, "nan")
    if form.currency:
        plain = plain.str.replace(form.currency, "", regex=False)
    if form.thousands:
        plain = plain.str.replace(form.thousands, "", regex=False)
    if form.decimal != ".":
        plain = plain.str.replace(form.decimal, ".", regex=False)
    factor = np.ones(len(plain))
    if form.multiples:
        last = plain.str[-1:].str.upper()
        for letter, times in MULTIPLES:
            factor = np.where(last == letter, times, factor)
        plain = plain.where(factor == 1.0, plain.str[:-1])
    # 1.2 M is 1200000 and not 1199999.9999999998
    numbers = plain.str.strip().astype(np.float64).to_numpy()
    scaled: Array = np.where(factor == 1.0, numbers, np.round(numbers * factor, 6))
    return scaled


def _pattern(form: NumberForm) -> str:
    """Return what every number looks like in the form."""
    dot, group = re.escape(form.decimal), re.escape(form.thousands)
    whole = rf"(?:\d{{1,3}}(?:{group}\d{{3}})+|\d+)" if form.thousands else r"\d+"
    sign = rf"(?:{re.escape(form.currency)}\s*)?" if form.currency else ""
    letter = r"\s*[KMBTkmbt]?" if form.multiples else ""
    exponent = r"(?:[eE][+-]?\d+)?"
    return rf"[+-]?{sign}(?:{whole}(?:{dot}\d*)?|{dot}\d+){exponent}{letter}"


def _no_number(
    where: str, column: pd.Series[Any], form: NumberForm | None
) -> DataError:
    """Say which cell is no number, and how it would be one."""
    text = column.astype(object).where(column.notna(), "").astype(str).str.strip()
    own = form or NumberForm()
    fit = text.str.fullmatch(_pattern(own)) | text.str.lower().isin(NOTHING - {"-"})
    row = int(np.flatnonzero(~fit.to_numpy(dtype=bool))[0]) if not fit.all() else 0
    found = text.iloc[row]
    declared = "" if form is None else ", though `numbers` says how they are written"
    return DataError(
        f"{where} holds something that is not a number: {found!r} in row {row + 1}{declared}"
        f"{_how(found)}"
    )


def _how(found: str) -> str:
    """Return what to declare, where the text is a number in a usual form."""
    for form in (
        NumberForm(thousands=","),
        NumberForm(decimal=",", thousands="."),
        NumberForm(decimal=",", thousands=" "),
        NumberForm(thousands=",", multiples=True),
        NumberForm(thousands=",", currency="$"),
    ):
        if re.fullmatch(_pattern(form), found):
            given = form.model_dump(exclude_defaults=True)
            words = ", ".join(f"{key}: {_yaml(value)}" for key, value in given.items())
            return f"; expected one such as 1234.5, or `numbers: {{{words}}}`"
    return "; expected one such as 1234.5"


def _yaml(value: object) -> str:
    return "true" if value is True else f'"{value}"'
