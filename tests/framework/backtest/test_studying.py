"""Many configurations on bars that are loaded once."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
from kit.places import EXAMPLES

from bt_run import ConfigError, Prepared, load_config, play, prepare, run
from bt_run.results.ledger import fills_table

SHORT = ["data.end=2004-12-31"]


@pytest.fixture(scope="module")
def flagship() -> Prepared:
    return prepare(load_config(EXAMPLES / "spy_qqq.yaml", SHORT))


def test_a_play_is_the_ledger_of_the_run(flagship: Prepared) -> None:
    result = run(load_config(EXAMPLES / "spy_qqq.yaml", SHORT))
    ledger = play(flagship)
    start = ledger.bars.start
    np.testing.assert_array_equal(ledger.nav[start:], result.nav["nav"])
    assert len(fills_table(ledger.bars, ledger.fills)) == len(result.fills)


def test_a_changed_key_plays_as_a_file_with_that_key_would(flagship: Prepared) -> None:
    changes = {"strategy.fast": 20, "overlays.0.annual": 0.05, "broker.cash": 5000.0}
    changed = flagship.changed(changes)
    words = [f"{key}={value}" for key, value in changes.items()]
    result = run(load_config(EXAMPLES / "spy_qqq.yaml", [*SHORT, *words]))
    ledger = play(changed)
    np.testing.assert_array_equal(ledger.nav[ledger.bars.start :], result.nav["nav"])
    assert changed.bars is flagship.bars
    assert flagship.config.strategy.options.get("fast") != 20


def test_a_component_may_be_another(flagship: Prepared) -> None:
    changed = flagship.changed({"sizer": "equal_weight", "overlays": []})
    assert changed.config.sizer is not None
    assert changed.config.sizer.use == "equal_weight"
    assert changed.config.overlays == ()


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        (
            "data.end",
            "2003-12-31",
            "data.end: belongs to the data, which are loaded once",
        ),
        ("broker.delisting.after", 3, "broker.delisting.after: belongs to the data"),
        ("strategy.fats", 20, r"strategy.fats: unknown key.*did you mean 'fast'"),
        (
            "strategie.fast",
            20,
            r"strategie.fast: no 'strategie'; found .*mean 'strategy'",
        ),
        ("overlays.3.annual", 0.1, "overlays.3.annual: no '3'; found 0"),
        ("schedule.x", 1, "schedule.x: schedule holds no keys; found 'month'"),
        ("strategy.fast", "soon", "strategy.fast: wrong value; found 'soon'"),
    ],
)
def test_a_key_that_cannot_be_changed_is_refused(
    flagship: Prepared, key: str, value: object, text: str
) -> None:
    with pytest.raises(ConfigError, match=text):
        flagship.changed({key: value})


def test_bars_go_through_pickle_to_another_process(
    flagship: Prepared, tmp_path
) -> None:
    file = tmp_path / "bars.pickle"
    file.write_bytes(pickle.dumps(flagship.bars))
    again = pickle.loads(file.read_bytes())
    assert again.fingerprint == flagship.bars.fingerprint
    assert again.traded is again.adjusted
    assert not again.close.flags.writeable
    code = (
        "import pickle, sys; from pathlib import Path;"
        "print(pickle.loads(Path(sys.argv[1]).read_bytes()).fingerprint)"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, str(file)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == flagship.bars.fingerprint


def test_bars_with_tables_go_through_pickle() -> None:
    bars = prepare(load_config(EXAMPLES / "credit_spread.yaml", SHORT)).bars
    again = pickle.loads(pickle.dumps(bars))
    assert again.fingerprint == bars.fingerprint
    assert set(again.tables) == {"aaa", "baa"}
    assert not again.tables["aaa"].values.flags.writeable
