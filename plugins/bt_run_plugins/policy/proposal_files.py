"""A proposal as files: proposal.json, trades.csv and proposal.html, the same bytes for the same
inputs.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from bt_run.atomic import make_folder, replace_file
from bt_run_plugins.policy.rebalancing import RebalanceResult

__all__ = ["proposal_tree", "trades_text", "write_proposal"]

DIGITS = 12  # that a number of the file has
TRADE_COLUMNS = (
    "symbol",
    "delta_shares",
    "current_shares",
    "target_shares",
    "price",
    "current_weight_pct",
    "target_weight_pct",
    "estimated_cost",
    "reason",
)


def proposal_tree(result: RebalanceResult) -> dict[str, Any]:
    """Return a proposal as JSON has it: exact money and shares as text, fractions as numbers."""
    tree = asdict(result)
    tree["estimated_total_cost"] = result.estimated_total_cost
    found = _plain(tree)
    assert isinstance(found, dict)
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, Decimal):
        return money_text(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    return value


def money_text(value: Decimal) -> str:
    """Return an exact number without an exponent and without zeros that say nothing."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def trades_text(result: RebalanceResult) -> str:
    """Return the trades as csv, a row each."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(TRADE_COLUMNS)
    for trade in result.trades:
        plain = _plain(asdict(trade))
        writer.writerow([plain[column] for column in TRADE_COLUMNS])
    return out.getvalue()


def write_proposal(
    result: RebalanceResult, folder: Path, inputs: Mapping[str, Any], page: str
) -> list[Path]:
    """Write proposal.json with its ``inputs``, trades.csv and proposal.html into ``folder``."""
    make_folder(folder)
    tree = {**proposal_tree(result), "inputs": _plain(inputs)}
    text = json.dumps(tree, indent=1, sort_keys=True, allow_nan=False) + "\n"
    contents = {
        "proposal.json": text,
        "trades.csv": trades_text(result),
        "proposal.html": page,
    }
    paths = []
    for name, content in contents.items():
        replace_file(folder / name, content.encode())
        paths.append(folder / name)
    return paths
