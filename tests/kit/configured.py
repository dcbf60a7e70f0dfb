"""A folder with a plugin and a run.yaml, and ways to read it."""

from __future__ import annotations

from pathlib import Path

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
    return [offer("clock", ClockConfig), offer("meta", MetaConfig)]
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
