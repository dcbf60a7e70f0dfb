"""The examples of the Python reference: the page shows what stands in each function.

Each stands alone, and its asserts are what a reader would get.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType


def run() -> None:
    from bt_run import load_config, run

    config = load_config("examples/sixty_forty.yaml", ["broker.cash=50000"])
    result = run(config, reports=False)
    assert result.nav["nav"].iloc[0] == 50_000


EXAMPLES: Mapping[str, Callable[[], None]] = MappingProxyType({"run": run})
