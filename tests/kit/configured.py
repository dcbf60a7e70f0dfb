"""A folder with a plugin and a run.yaml, and ways to read it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bt_run import ConfigError, RunConfig, load_config
from bt_run.catalogue import Catalogue
from bt_run.config.binding import Bound, bind
from bt_run.plugins import catalogue, get_plugin_manager

PLUGIN = """
from __future__ import annotations
from datetime import time
from pathlib import Path
from bt_run import Component, Config, Nested, hookimpl

class Leg(Config):
    weight: float
    table: Path | None = None

class ClockConfig(Config):
    at: time
    label: str = ""
    table: Path | None = None
    tables: list[Path] = []
    legs: list[Leg] = []
    words: frozenset[str] = frozenset()
    threshold: int | time = 0

class MetaConfig(Config):
    children: list[Nested["strategy"]]
    defensive: Nested["sizer"] | None = None

def offer(name, config):
    return Component(name=name, config=config, build=lambda config, context: None, summary=name)

@hookimpl
def bt_strategies():
    return [offer("clock", ClockConfig), offer("pile", MetaConfig)]
"""


RUN = """\
name: mine
plugins: [plugin.py]
data:
  source: {use: sample, set: indices}
  assets: [SP500, NASDAQ]
  benchmark: SP500
  start: 2000-01-03
  end: 2018-12-31
strategy: {use: trend, fast: 50}
sizer: equal_weight
"""


def installed(config: RunConfig) -> Catalogue:
    return catalogue(get_plugin_manager(config.plugins))


def bound_strategy(config: RunConfig) -> Bound:
    return bind(config, installed(config)).strategy


def told(text: str | bytes, *overrides: str) -> str:
    """Return what is told about a run.yaml with this content."""
    Path("run.yaml").write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(ConfigError) as caught:
        load_config("run.yaml", overrides)
    return str(caught.value)


def load_config_text(text: str, *overrides: str) -> RunConfig:
    Path("run.yaml").write_text(text)
    return load_config("run.yaml", overrides)


RUN_OF_FILES = """\
name: files
data:
  source: {use: csv, path: prices}
  assets: [A, B]
  benchmark: A
  start: 2020-02-03
  end: 2020-06-30
  tables: {score: {file: scores.csv, lag: 1}}
  universe: {file: members.csv}
strategy: {use: trend, fast: 2, slow: 5}
sizer: equal_weight
schedule: week
broker: {use: simulated, interest: {cash: {file: rates.csv, lag: 1}}}
"""


def folder_of_files(folder: Path) -> Path:
    """Write a run of two assets whose prices, table, universe and rates are csv files."""
    days = pd.bdate_range("2020-01-02", "2020-06-30")
    rng = np.random.default_rng(3)
    (folder / "prices").mkdir()
    for name in ("A", "B"):
        close = 50 * np.exp(np.cumsum(rng.normal(0, 0.01, len(days))))
        frame = pd.DataFrame(
            {"date": days, "open": close, "close": close, "volume": 1e5}
        )
        frame.to_csv(folder / "prices" / f"{name}.csv", index=False)
    scores = pd.DataFrame({"date": days[::5], "A": 1.0, "B": 2.0})
    scores.to_csv(folder / "scores.csv", index=False)
    (folder / "members.csv").write_text(
        "ticker,start,end\nA,2019-01-02,\nB,2019-01-02,2020-05-01\n"
    )
    rates = pd.DataFrame({"date": pd.bdate_range("2019-12-02", "2020-06-30")})
    rates.assign(rate=0.01).to_csv(folder / "rates.csv", index=False)
    (folder / "run.yaml").write_text(RUN_OF_FILES)
    return folder
