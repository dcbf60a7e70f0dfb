"""Executors: cells that raise, hang, or take their process with them are outcomes like others."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from kit.sweeps import children_of, make_sweep, play_sweep

from bt_run import ConfigError, PluginError, load_config
from bt_run.studies.cells import run_cell
from bt_run.studies.sweeping import open_sweep
from bt_run_plugins.studies.places import built_executor

LEVELS = {"over": {"strategy.level": [0.2, 0.4, 0.6, 0.8]}}


KINDS = ["raise", "hang", "exit", "exit once"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("cells")


@pytest.fixture(scope="module")
def opened(place):
    """Return a function that makes the cell of a candidate."""
    sweep = LEVELS | {"timeout": 2.0}
    flag = place / "was_there"
    file = make_sweep(place, sweep, strategy=f"{{use: trouble, touch: {flag}}}")
    with open_sweep(load_config(file), place / "sweeps", offline=True) as sweep:
        yield lambda *candidate: sweep.asked(candidate).cell


@pytest.fixture(scope="module")
def cells(opened):
    return [opened(("strategy.level", level)) for level in (0.2, 0.4, 0.6, 0.8)]


@pytest.fixture(scope="module")
def troubles(opened):
    return {kind: opened(("strategy.kind", kind)) for kind in KINDS}


@pytest.fixture
def executor(cells, request, tmp_path):
    name, options = request.param
    if name == "dask":
        pytest.importorskip("distributed")
    config = load_config(make_sweep(tmp_path, LEVELS))
    made = built_executor(config, {"use": name, **options})
    yield made
    made.close()


everywhere = pytest.mark.parametrize(
    "executor",
    [("serial", {}), ("local", {"workers": 2}), ("dask", {"workers": 2})],
    indirect=True,
    ids=["serial", "local", "dask"],
)
in_processes = pytest.mark.parametrize(
    "executor",
    [("local", {"workers": 2}), ("dask", {"workers": 2})],
    indirect=True,
    ids=["local", "dask"],
)


def played(executor, cells):
    for cell in cells:
        executor.submit(cell.key, cell)
    return dict(executor.done())


def test_where_it_is_played_changes_no_bit(cells, tmp_path):
    config = load_config(make_sweep(tmp_path, LEVELS))
    right = {cell.key: run_cell(cell) for cell in cells}
    made = built_executor(config, {"use": "local", "workers": 2})
    try:
        found = played(made, cells)
    finally:
        made.close()
    assert found.keys() == right.keys()
    assert len(found) == 4
    for key, outcome in found.items():
        assert outcome.result.metrics == right[key].result.metrics
        np.testing.assert_array_equal(outcome.result.returns, right[key].result.returns)


@everywhere
def test_what_raises_and_what_hangs_leaves_the_others_alone(executor, cells, troubles):
    raises, hangs = troubles["raise"], troubles["hang"]
    found = played(executor, [cells[0], raises, hangs, cells[3]])
    assert found[raises.key].status == "raised"
    assert "ValueError: as it was told" in found[raises.key].text
    assert found[hangs.key].status == "timed out", found[hangs.key].text
    assert found[cells[0].key].status == "ok", found[cells[0].key].text
    assert found[cells[3].key].status == "ok", found[cells[3].key].text


@in_processes
def test_what_ends_its_process_leaves_the_others_alone(executor, cells, troubles):
    ends = troubles["exit"]
    found = played(executor, [cells[1], ends, cells[2], cells[3]])
    assert found[ends.key].status == "died"
    others = [found[cell.key] for cell in cells[1:]]
    assert [one.status for one in others] == ["ok"] * 3
    # and it goes on with the next batch
    assert played(executor, cells[:1])[cells[0].key].status == "ok"


@in_processes
def test_a_cell_that_dies_once_is_played_again(executor, place, troubles):
    once = troubles["exit once"]
    found = played(executor, [once])
    assert (place / "was_there").exists()
    assert found[once.key].status == "ok", found[once.key].text
    (place / "was_there").unlink()


def test_a_worker_that_dies_while_it_has_nothing_to_do_is_replaced(cells, tmp_path):
    config = load_config(make_sweep(tmp_path, LEVELS))
    made = built_executor(config, {"use": "local", "workers": 1})
    try:
        assert played(made, cells[:1])[cells[0].key].status == "ok"
        for pid in children_of(os.getpid()):
            os.kill(pid, signal.SIGKILL)
        found = played(made, cells[1:3])
    finally:
        made.close()
    assert [found[cell.key].status for cell in cells[1:3]] == ["ok", "ok"]


def test_cancelled_cells_do_not_come_back(cells, tmp_path):
    config = load_config(make_sweep(tmp_path, LEVELS))
    made = built_executor(config, {"use": "serial"})
    made.submit("a", cells[0])
    made.cancel()
    assert list(made.done()) == []


THREADS = """
import numpy
from threadpoolctl import threadpool_info
from bt_run_plugins.executors.one_thread import threads
with threads(1):
    assert {item["num_threads"] for item in threadpool_info()} <= {1}
"""


def test_workers_have_one_thread():
    subprocess.run([sys.executable, "-c", THREADS], check=True)


def test_the_workers_of_a_driver_that_is_killed_end(tmp_path):
    file = make_sweep(
        tmp_path,
        {"over": {"seed": [1, 2]}},
        strategy="{use: trouble, wait: 600}",
    )
    text = textwrap.dedent(
        f"""
        import sys
        sys.path[:0] = {sys.path!r}
        from pathlib import Path
        from kit.sweeps import play_sweep
        if __name__ == "__main__":
            play_sweep(Path({str(file)!r}), Path({str(tmp_path / "out")!r}), "local", workers=2)
        """
    )
    script = tmp_path / "driver.py"
    script.write_text(text)
    driver = subprocess.Popen([sys.executable, str(script)])
    workers = []
    never = __import__("threading").Event()
    while len(workers) < 2:
        assert driver.poll() is None
        workers = children_of(driver.pid)
        never.wait(0.2)
    os.kill(driver.pid, signal.SIGKILL)
    driver.wait()
    while any(Path(f"/proc/{pid}").exists() for pid in workers):
        never.wait(0.2)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"use": "locl"}, "no executor 'locl' is installed"),
        ({"use": "serial", "workers": 2}, "unknown key; found 2; expected one of none"),
        ({"use": "local", "workers": 0}, "a number greater than or equal to 1"),
        (
            {"use": "dask", "address": "head:8786"},
            "address was 'head:8786'; expected such as tcp://127.0.0.1:8786",
        ),
        (
            {"use": "dask", "address": "tcp://head:8786", "workers": 2},
            "workers was 2, and the cluster at tcp://head:8786 has its own; expected one of "
            "address and workers",
        ),
    ],
)
def test_options_that_cannot_be_are_refused(tmp_path, options, text):
    config = load_config(make_sweep(tmp_path, LEVELS))
    with pytest.raises(ConfigError) as error:
        built_executor(config, options)
    assert text in str(error.value)


def test_the_command_line_replaces_what_the_file_says(tmp_path):
    sweep = LEVELS | {"executor": {"use": "local", "workers": 7}}
    config = load_config(make_sweep(tmp_path, sweep))
    assert built_executor(config, {})._workers == 7
    assert built_executor(config, {"workers": 3})._workers == 3
    assert type(built_executor(config, {"use": "serial"})).__name__ == "SerialExecutor"


def test_without_its_library_dask_says_how_to_install_it(tmp_path, monkeypatch):
    from kit.libraries import hide

    hide(monkeypatch, "distributed")
    config = load_config(make_sweep(tmp_path, LEVELS))
    with pytest.raises(ConfigError) as error:
        built_executor(config, {"use": "dask"})
    assert str(error.value) == (
        "sweep.executor: 'dask' needs distributed, not installed: pip install 'bt-run[dask]'"
    )


def test_a_scheduler_that_does_not_answer_is_named(tmp_path, cells):
    pytest.importorskip("distributed")
    config = load_config(make_sweep(tmp_path, LEVELS))
    address = "tcp://127.0.0.1:9"
    options = {"use": "dask", "address": address, "connect": 0.3}
    made = built_executor(config, options)
    with pytest.raises(PluginError) as error:
        made.submit(cells[0].key, cells[0])
    assert f"executor dask: no scheduler answers at {address} within 0.3 s" in str(
        error.value
    )
    made.close()


def test_serial_and_local_have_the_same_tables_and_numbers(tmp_path):
    file = make_sweep(tmp_path, LEVELS)
    _, one, first = play_sweep(file, tmp_path / "one", "serial")
    _, other, second = play_sweep(file, tmp_path / "other", "local", workers=2)
    assert [item.key for item in one] == [item.key for item in other]
    assert [item.score for item in one] == [item.score for item in other]
    assert [item.cell for item in first] == [item.cell for item in second]


OFFER = """
from bt_run import Component, Config, hookimpl
from bt_run.studies.cells import run_cell

class Keys(Config):
    greeting: str = ""

class Once:
    def __init__(self, config, context):
        self.cells = {}

    def submit(self, key, cell):
        self.cells[key] = cell

    def done(self):
        while self.cells:
            key, cell = self.cells.popitem()
            yield key, run_cell(cell)

    def cancel(self):
        self.cells.clear()

    def close(self):
        self.cancel()

@hookimpl
def bt_executors():
    yield Component(name="once", config=Keys, build=Once, summary="a stranger's")
"""


def test_a_stranger_offers_an_executor(tmp_path):
    file = make_sweep(tmp_path, LEVELS | {"executor": {"use": "once", "greeting": "x"}})
    (tmp_path / "once.py").write_text(OFFER)
    text = file.read_text().replace("trouble.py]", "trouble.py, once.py]")
    file.write_text(text)
    _, tried, trials = play_sweep(file, tmp_path / "out", None)
    assert [one.outcome.status for one in tried] == ["ok"] * 4
    assert len(trials) == 4
