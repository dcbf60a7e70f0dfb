"""The tables of a run's analyzers, and of Backtrader's own in classic mode."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from bt_run.backtest.preparing import Prepared
from bt_run.errors import PluginError
from bt_run.guard import guarded
from bt_run.results.ledger import Ledger
from bt_run.results.result import TABLE_NAME
from bt_run.roles import Studies

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["analyses_of"]


def analyses_of(ready: Prepared, ledger: Ledger) -> dict[str, pd.DataFrame]:
    """Return what analyzers found, by the name of each table.

    Raises:
        PluginError: an analyzer failed, or two tables have one name.
    """
    import pandas as pd

    found: dict[str, pd.DataFrame] = {}
    for name, values in ledger.analyses.items():
        texts = [str(value) for value in values.values()]
        found[name] = pd.DataFrame({"key": list(values), "value": texts})
    for analyzer in ready.parts.analyzers:
        where = f"analyzer {type(analyzer).__name__}"
        for name, table in _tables(where, analyzer, ready, ledger):
            _check_table(where, name, table)
            if name in found:
                raise PluginError(
                    f"{where}: gave a table {name!r}, which is there already"
                )
            found[name] = table
    return found


def _tables(
    where: str, analyzer: Any, ready: Prepared, ledger: Ledger
) -> Iterator[tuple[Any, Any]]:
    yield guarded(where, analyzer.table)
    if isinstance(analyzer, Studies):
        study = partial(analyzer.study, ready, ledger)
        yield from guarded(f"{where}: study", study).items()


def _check_table(where: str, name: Any, table: Any) -> None:
    """Refuse what cannot be a table of its own file."""
    import pandas as pd

    if not isinstance(table, pd.DataFrame):
        raise PluginError(
            f"{where}: gave a {type(table).__name__} as {name!r}; expected a DataFrame"
        )
    if not isinstance(name, str) or not re.fullmatch(TABLE_NAME, name):
        raise PluginError(
            f"{where}: named a table {name!r}; expected letters, digits, spaces and _.()%+-, the "
            "first a letter or digit"
        )
