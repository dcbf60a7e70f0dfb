"""Record what the examples give: `PYTHONPATH=tests python tests/kit/expected.py` rewrites
expected.json.

Do so only when a change of the results is meant, and say why in the changelog.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from kit.places import EXAMPLES

RECORD = Path(__file__).with_name("expected.json")
# examples that run with what is installed from this repository, without a network
NAMES = (
    "credit_spread",
    "local_plugin",
    "sixty_forty",
    "spy_qqq",
    "stocks",
    "supervised_tracker",
    "track_sp500",
)
METRICS = (
    "total_return",
    "cagr",
    "volatility",
    "sharpe",
    "sortino",
    "max_drawdown",
    "tracking_error",
    "turnover_one_way",
    "costs",
    "fills",
)


def expected(name: str) -> dict[str, Any]:
    """Run an example and return its statistics and the hash of its list of orders."""
    from bt_run import load_config, run

    result = run(load_config(EXAMPLES / f"{name}.yaml"))
    statistics = {
        metric: {
            column: None if value is None else float(f"{value:.9g}")
            for column, value in values.items()
        }
        for metric, values in result.metrics.items()
        if metric in METRICS
    }
    return {"orders": result.manifest["orders"], "statistics": statistics}


def main() -> None:
    record = {
        name: expected(name) for name in NAMES if (EXAMPLES / f"{name}.yaml").exists()
    }
    RECORD.write_text(
        json.dumps(record, indent=1, sort_keys=True) + "\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
