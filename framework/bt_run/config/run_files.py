"""A resolved configuration as a YAML file that runs again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from io import BytesIO
from pathlib import Path
from typing import Any

from bt_run.atomic import replace_file

__all__ = ["write_run_file"]


def write_run_file(
    tree: Mapping[str, Any],
    folder: Path,
    write_prices: Callable[[Path], Mapping[str, Any]] | None = None,
) -> Path:
    """Write a resolved configuration to ``folder/NAME.yaml`` and return its path.

    Files that it names are named by their absolute paths. ``write_prices`` puts prices that lie
    nowhere else into a folder; it returns the ``source`` that
    reads them, and the names that ``symbols`` have there.
    """
    from ruamel.yaml import YAML

    own = deepcopy(dict(tree))
    folder.mkdir(parents=True, exist_ok=True)
    if write_prices is not None:
        # a folder for each name, so that two runs in one place keep their prices
        written = write_prices(folder / f"{own['name']}_prices")
        own["data"] = _with_source(own["data"], written["source"], written["symbols"])
    yaml = YAML()
    yaml.default_flow_style = False
    path = folder / f"{own['name']}.yaml"
    text = BytesIO()
    yaml.dump(own, text)
    replace_file(path, text.getvalue())
    return path


def _with_source(
    data: Mapping[str, Any], source: Mapping[str, Any], names: Mapping[str, str]
) -> dict[str, Any]:
    """Return the data with another source, at which symbols may have other names."""

    def renamed(symbol: Any) -> Any:
        if isinstance(symbol, list | tuple):
            return [renamed(one) for one in symbol]
        return names.get(symbol, symbol)

    assets = dict(data["assets"])
    found = {name: renamed(symbol) for name, symbol in assets.items()}
    benchmark = data["benchmark"]
    if benchmark not in assets:
        benchmark = renamed(benchmark)
    return {**data, "source": dict(source), "assets": found, "benchmark": benchmark}
