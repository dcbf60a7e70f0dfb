"""A Backtrader strategy cannot fill at a price that it knew when it gave the order."""

import backtrader as bt
import pytest

from bt_run import Component, PluginError, RunConfig, run
from bt_run.engine.classic import ClassicBroker

PLUGIN = """
import backtrader as bt
from bt_run import Component, hookimpl


class Cheat(bt.Strategy):
    params = (("how", ""),)

    def __init__(self):
        exec(self.p.how)

    def next(self):
        if not self.position:
            self.buy()


@hookimpl
def bt_strategies():
    return [Component.from_backtrader(Cheat, name="cheat")]
"""


def played(folder, how):
    (folder / "cheat.py").write_text(PLUGIN)
    return run(
        RunConfig(
            name="cheat",
            plugins=[str(folder / "cheat.py")],
            data={
                "source": {"use": "sample", "set": "stocks"},
                "assets": ["IBM"],
                "benchmark": "IBM",
                "start": "2005-01-03",
                "end": "2005-03-31",
            },
            strategy={"use": "cheat", "how": how},
        )
    )


@pytest.mark.parametrize(
    ("how", "text"),
    [
        (
            "self.broker.set_coc(True)",
            r"set_coc\(True\): an order would fill at a price",
        ),
        (
            "self.broker.set_coo(True)",
            r"set_coo\(True\): an order would fill at a price",
        ),
        (
            "self.broker.p.coc = True",
            "cheat-on-close or cheat-on-open was set: an order",
        ),
        (
            "self.broker.p.coo = True",
            "cheat-on-close or cheat-on-open was set: an order",
        ),
        (
            "self.cerebro.p.cheat_on_open = True",
            "cheat-on-close or cheat-on-open was set",
        ),
    ],
)
def test_cheating_is_refused(tmp_path, how, text):
    with pytest.raises(PluginError, match=text):
        played(tmp_path, how)


def test_what_is_set_to_false_is_not_cheating(tmp_path):
    how = "self.broker.set_coc(False); self.broker.set_coo(False)"
    fill = played(tmp_path, how).fills.iloc[0]
    assert fill["time"] > fill["decided_at"]


def test_backtraders_own_broker_would_cheat():
    """What is refused is there: this pins the names of the parameters."""
    assert bt.brokers.BackBroker.params._getpairs()["coc"] is False
    assert issubclass(ClassicBroker, bt.brokers.BackBroker)
    assert Component.from_backtrader(bt.Strategy, name="none")
