"""What authors of plugins test with: bars, costs and states made in sight; the kit is in
``conformance``.
"""

from __future__ import annotations

from bt_run.testing.made_bars import make_bars, make_rows, weekdays
from bt_run.testing.made_costs import MadeCosts
from bt_run.testing.made_state import make_state

__all__ = ["MadeCosts", "make_bars", "make_rows", "make_state", "weekdays"]
