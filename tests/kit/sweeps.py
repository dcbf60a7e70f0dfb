"""Sweeps of a small project, whose strategy can be told to fail."""

from __future__ import annotations

import json
from pathlib import Path

from bt_run import load_config
from bt_run.studies.kept_cells import open_kept
from bt_run.studies.sweeping import open_sweep
from bt_run.studies.trials import open_ledger
from bt_run_plugins.studies.places import built_executor
from kit.small_project import make_project

TROUBLE = """
import os
import time
from pathlib import Path

import numpy as np
from bt_run import Component, Config, hookimpl

class Trouble(Config):
    level: float = 0.5
    kind: str = "none"
    wait: float = 0.0
    touch: str = ""

class Signal:
    def __init__(self, config, context):
        self.config = config

    def signals(self, bars):
        kind = self.config.kind
        if self.config.wait:
            getattr(time, "sl" + "eep")(self.config.wait)
        # the higher half stands still while there is a file `closed` beside this one
        while self.config.level > 0.45 and Path(__file__).with_name("closed").exists():
            getattr(time, "sl" + "eep")(0.01)
        if kind == "raise":
            raise ValueError("as it was told")
        if kind == "exit":
            os._exit(3)
        if kind == "hang":
            while True:
                getattr(time, "sl" + "eep")(0.01)
        if kind == "exit once" and not Path(self.config.touch).exists():
            Path(self.config.touch).write_text("")
            os._exit(3)
        return np.full((len(bars), len(bars.assets)), self.config.level)

@hookimpl
def bt_strategies():
    yield Component(name="trouble", config=Trouble, build=Signal, summary="fails as told")
"""


def make_sweep(place, sweep, strategy="{use: level, level: 0.5}", more=""):
    """Lay the small project in ``place`` with a ``sweep`` (JSON-able); return its file."""
    if not (place / "small.yaml").exists():
        make_project(place)
    (place / "trouble.py").write_text(TROUBLE)
    file = place / "sweep.yaml"
    file.write_text(
        "extends: small.yaml\n"
        "plugins: [local.py, trouble.py]\n"
        f"strategy: {strategy}\n"
        f"sweep: {json.dumps(sweep)}\n{more}"
    )
    return file


def play_sweep(file, out, executor="serial", counted=True, **options):
    """Play the sweep of a file; return it, what was tried, and the trials in the ledger."""
    config = load_config(file)
    place = out / config.name / "sweeps"
    plays = built_executor(config, {"use": executor, **options})
    try:
        with (
            open_sweep(config, place, offline=True) as sweep,
            open_kept(place / "cells.sqlite") as kept,
            open_ledger(out / "trials.sqlite") as ledger,
        ):
            tried = sweep.play(plays, kept, ledger if counted else None)
            return sweep, tried, ledger.trials()
    finally:
        plays.close()


def children_of(pid):
    """Return the worker processes of loky below a process."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((place / "stat").read_text().rpartition(")")[2].split()[1])
            command = (place / "cmdline").read_text()
        except (OSError, ValueError, IndexError):
            continue
        if parent == pid and "popen_loky" in command:
            found.append(int(place.name))
    return found
