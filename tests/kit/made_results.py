"""Results made in sight: the tables of a run of four sessions."""

from types import SimpleNamespace

import numpy as np
import pandas as pd

from bt_run.results.identity import Provenance
from bt_run.results.manifest import build_manifest
from bt_run.results.metrics import compute_metrics
from bt_run.results.result import TABLES, BacktestResult
from bt_run.results.sources import UsedCode

PROVENANCE = Provenance(
    config={"seed": 7},
    fingerprint="f" * 64,
    files={},
    code=UsedCode({"bt_run": "a"}, {}),
    seed=7,
)


def make_tables():
    """Return the tables of a run of four sessions that buys one asset and is refused another."""
    times = pd.DatetimeIndex(
        ["2020-01-02", "2020-01-03", "2020-01-06", "2020-01-07"], tz="UTC", name="time"
    )
    nav = pd.DataFrame(
        {"nav": [100.0, 100.0, 102.0, 101.0], "cash": [100.0, 50.0, 50.0, 50.0]},
        index=times,
    )
    nav = nav.assign(
        session=times,
        gross=0.5,
        net=0.5,
        benchmark=nav["nav"],
        equal_weight=nav["nav"],
        constant_mix=nav["nav"],
    )
    position = {
        "time": times[1:],
        "asset": "A",
        "shares": 5.0,
        "price": [10.0, 10.4, 10.2],
    }
    positions = pd.DataFrame(position).assign(
        value=[50.0, 52.0, 51.0], stale=[False, False, True]
    )
    fills = pd.DataFrame(
        {
            "decided_at": [times[0], pd.NaT],
            "time": [times[1], times[2]],
            "asset": ["A", "B"],
            "asked": [5.0, -1 / 3],
            "filled": [5.0, 0.0],
            "price": [10.0, 1.0],
            "commission": [0.0, 0.0],
            "slippage": [0.0, 0.0],
            "reason": [None, "not tradable"],
        }
    )
    decision = {
        "signal": 1.0,
        "sized": 0.5,
        "target": 0.5,
        "cut": "",
        "drifted": 0.0,
        "fired": True,
        "reason": "schedule",
    }
    decisions = pd.DataFrame({"time": times[:1], "asset": ["A"], **decision})
    memos = pd.DataFrame(
        {
            "time": times[:1],
            "component": ["sizer"],
            "memo": ['{"n": 1}'],
            "notes": ["{}"],
        }
    )
    flows = pd.DataFrame(
        {
            "time": times[:0],
            "asset": [],
            "kind": [],
            "amount": np.zeros(0),
            "ratio": np.zeros(0),
        }
    )
    return dict(
        zip(TABLES, (nav, positions, fills, decisions, memos, flows), strict=True)
    )


def make_result(name="demo", run_id="0123456789ab", **changes):
    tables = make_tables()
    return BacktestResult(
        config=SimpleNamespace(name=name),
        run_id=run_id,
        **tables,
        metrics=compute_metrics(tables["nav"], {"run": tables["fills"]}, 0.0),
        manifest=build_manifest(run_id, PROVENANCE, tables, ["price return only"]),
        notes=("price return only",),
        **changes,
    )
