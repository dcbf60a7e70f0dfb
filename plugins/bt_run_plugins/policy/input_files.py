"""The files of a proposal: holdings, tables by symbol, restrictions; read whole, each mistake with
its place.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

from bt_run import ConfigError, DataError, csv_table
from bt_run.text import did_you_mean, listed
from bt_run_plugins.policy.facts import Restriction

__all__ = [
    "read_holdings",
    "read_numbers",
    "read_restrictions",
    "read_symbols",
    "read_texts",
]

RULES = ("no-buy", "no-sell", "lock")


@dataclass(frozen=True)
class _Cell:
    """A value of a file with its place, line and column counted from 1."""

    place: str
    text: str

    def number(self, what: str) -> Decimal:
        """Return it as an exact number.

        Raises:
            DataError: it is none.
        """
        try:
            found = Decimal(self.text)
        except InvalidOperation as error:
            raise DataError(
                f"{self.place}: found {self.text!r}; expected {what}, a number such as 12.5"
            ) from error
        if not found.is_finite():
            raise DataError(f"{self.place}: found {self.text!r}; expected {what}")
        return found


def read_holdings(path: Path) -> dict[str, Decimal]:
    """Return the shares by symbol of a csv file with the columns symbol and shares, and currency
    where there are several.

    Raises:
        DataError: the file or a row of it cannot be.
    """
    found: dict[str, Decimal] = {}
    first: _Cell | None = None
    for row in _rows(path, ("symbol", "shares"), ("currency",)):
        found[row["symbol"].text] = row["shares"].number("shares")
        currency = row.get("currency")
        if currency is None:
            continue
        first = first or currency
        if currency.text != first.text:
            raise DataError(
                f"{currency.place}: found {currency.text!r} beside {first.text!r}; expected one "
                "currency, that of the pack's prices"
            )
    return found


def read_numbers(path: Path, column: str) -> dict[str, float]:
    """Return the numbers by symbol of a csv file with the columns symbol and ``column``.

    Raises:
        DataError: the file or a row of it cannot be.
    """
    return {
        row["symbol"].text: float(row[column].number(f"a {column}"))
        for row in _rows(path, ("symbol", column))
    }


def read_texts(path: Path, column: str) -> dict[str, str]:
    """Return the words by symbol of a csv file with the columns symbol and ``column``.

    Raises:
        DataError: the file or a row of it cannot be.
    """
    found = {}
    for row in _rows(path, ("symbol", column)):
        if not row[column].text:
            raise DataError(f"{row[column].place}: found nothing; expected a {column}")
        found[row["symbol"].text] = row[column].text
    return found


def read_symbols(path: Path) -> tuple[str, ...]:
    """Return the symbols of a csv file with the column symbol.

    Raises:
        DataError: the file or a row of it cannot be.
    """
    return tuple(row["symbol"].text for row in _rows(path, ("symbol",)))


def read_restrictions(path: Path) -> dict[str, tuple[Restriction, ...]]:
    """Return the restrictions by symbol of a csv file with the columns symbol and rule (no-buy,
    no-sell, lock), and shares for what is locked; a symbol may have several.

    Raises:
        DataError: the file or a row of it cannot be.
        ConfigError: a rule is unknown.
    """
    found: dict[str, tuple[Restriction, ...]] = {}
    for row in _rows(path, ("symbol", "rule"), ("shares",), once=False):
        rule, shares = row["rule"], row.get("shares")
        if rule.text == "lock":
            if shares is None or not shares.text:
                raise DataError(
                    f"{rule.place}: found 'lock' without shares; expected how many are locked"
                )
            one = Restriction("lock", shares.number("shares"))
        elif rule.text == "no-buy":
            one = Restriction("no-buy")
        elif rule.text == "no-sell":
            one = Restriction("no-sell")
        else:
            raise ConfigError(
                f"{rule.place}: found {rule.text!r}; expected one of {', '.join(RULES)}"
                f"{did_you_mean(rule.text, RULES)}"
            )
        symbol = row["symbol"].text
        found[symbol] = (*found.get(symbol, ()), one)
    return found


def _rows(
    path: Path,
    needed: tuple[str, ...],
    allowed: tuple[str, ...] = (),
    *,
    once: bool = True,
) -> Iterator[dict[str, _Cell]]:
    """Yield the rows of a csv file as cells by column; with ``once`` each symbol may stand in one.

    Raises:
        DataError: it is empty, lacks a column, has one that nobody reads, or names a symbol twice.
    """
    table = csv_table(path, dtype=str)
    columns = [str(column).strip() for column in table.columns]
    for name in needed:
        if name not in columns:
            raise DataError(
                f"{path}:1: found the columns {listed(columns)}; expected {' and '.join(needed)}"
                f"{did_you_mean(name, columns)}"
            )
    for place, name in enumerate(columns, start=1):
        if name not in (*needed, *allowed):
            raise DataError(
                f"{path}:1:{place}: nobody reads the column {name!r}; expected "
                f"{', '.join((*needed, *allowed))}{did_you_mean(name, (*needed, *allowed))}"
            )
    if not len(table):
        raise DataError(f"{path}: the file has no rows; expected one for each symbol")
    lines: dict[str, int] = {}
    for line, values in enumerate(table.itertuples(index=False, name=None), start=2):
        row = {
            name: _Cell(f"{path}:{line}:{place}", str(value).strip())
            for place, (name, value) in enumerate(
                zip(columns, values, strict=True), start=1
            )
        }
        symbol = row["symbol"]
        if not symbol.text:
            raise DataError(f"{symbol.place}: found nothing; expected a symbol")
        if once and symbol.text in lines:
            raise DataError(
                f"{symbol.place}: {symbol.text!r} stands in line {lines[symbol.text]} already; "
                "expected one row for each symbol"
            )
        lines[symbol.text] = line
        yield row
