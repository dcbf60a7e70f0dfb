"""A small project: a YAML file, a plugin, prices; and bundles of its run, made by hand."""

import io
import zipfile

import numpy as np
import pandas as pd

LOCAL = """
import numpy as np
from bt_run import Component, Config, hookimpl

class Level(Config):
    level: float = 0.5

class Signal:
    def __init__(self, config, context):
        self.level = config.level

    def signals(self, bars):
        return np.full((len(bars), len(bars.assets)), self.level)

@hookimpl
def bt_strategies():
    yield Component(name="level", config=Level, build=Signal, summary="one level for all")
"""
YAML = """
name: small
plugins: [local.py]
data:
  source: {use: csv, path: prices}
  assets: [AAA, BBB]
  benchmark: AAA
  start: 2020-01-13
  end: 2020-06-30
  calendar: 24/5
strategy: {use: level, level: 0.5}
sizer: signal_weight
schedule: week
broker: {use: simulated, cash: 100000, fill: next_close}
limits: {gross: 1.0}
"""


def make_project(place):
    """Lay a project in a folder."""
    (place / "prices").mkdir(parents=True)
    rng = np.random.default_rng(2)
    dates = pd.bdate_range("2020-01-01", "2020-06-30").strftime("%Y-%m-%d")
    for name in ("AAA", "BBB", "OTHER"):
        close = 50 * np.exp(np.cumsum(rng.normal(0, 0.01, len(dates))))
        pd.DataFrame({"date": dates, "close": close.round(4)}).to_csv(
            place / "prices" / f"{name}.csv", index=False
        )
    (place / "local.py").write_text(LOCAL)
    (place / "small.yaml").write_text(YAML)
    return place


def agreed(found):
    """Let the code of a bundle run."""


def members_of(bundle):
    """Return the files of a bundle: name -> content."""
    with zipfile.ZipFile(bundle) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def zip_of(members, place):
    """Write a bundle of files, name -> content, in their order."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, content in members.items():
            bundle.writestr(name, content)
    place.write_bytes(packed.getvalue())
    return place
