"""The cells of a small sweep on the calm market."""

from __future__ import annotations

from pathlib import Path

from bt_run.studies.cells import Cell
from bt_run.studies.sweeping import Sweep
from bt_run.testing.conformance.samples import made_config

__all__ = ["made_cells"]

GROSS = (0.25, 0.5, 0.75, 1.0)


def made_cells(folder: Path) -> list[Cell]:
    """Return four cells, their bars stored in ``folder``."""
    config = made_config(more={"sweep": {"over": {"limits.gross": list(GROSS)}}})
    sweep = Sweep(config, folder, offline=True)
    return [sweep.asked(candidate).cell for candidate in sweep.search.ask()]
