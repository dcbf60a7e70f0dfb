"""Who a cell is: the id of the run that it would be."""

from __future__ import annotations

from types import ModuleType

from bt_run.backtest.preparing import Prepared
from bt_run.config.canonical_form import canonical
from bt_run.results.identity import run_identity
from bt_run.results.sources import UsedCode, used_code

__all__ = ["CellKeys"]


class CellKeys:
    """The keys of cells; the sources behind components of the same modules are read once."""

    def __init__(self) -> None:
        self._codes: dict[tuple[str, ...], UsedCode] = {}

    def key(self, ready: Prepared) -> str:
        """Return the id of the run that ``ready`` is: of canonical configuration, data, files,
        sources and versions.
        """
        modules = [
            bound.offer.module for bound in ready.bound if bound.role != "report"
        ]
        return run_identity(
            canonical(ready.config, ready.bound),
            ready.fingerprint,
            ready.files,
            self._code(modules, ready),
        )

    def _code(self, modules: list[ModuleType], ready: Prepared) -> UsedCode:
        files = tuple(map(str, ready.config.plugins))
        names = (*sorted({module.__name__ for module in modules}), *files)
        if names not in self._codes:
            self._codes[names] = used_code(modules, ready.config.plugins)
        return self._codes[names]
