"""What dies in the middle of a sweep loses nothing: the same command does only what is missing,
and the tables are the same bytes.
"""

import os
import signal
import subprocess
import sys
import textwrap
import threading

import pytest
from kit.sweeps import children_of, make_sweep

from bt_run.studies.trials import open_ledger

SWEEP = {"over": {"strategy.level": {"from": 0.1, "to": 0.8, "step": 0.1}}}
SLOW = "{use: trouble, wait: 0.05}"
TABLES = ("cells", "returns", "best_so_far", "folds", "chained")


def command(place, *words, out="runs"):
    """Start the command of a sweep in a process of its own."""
    text = textwrap.dedent(
        f"""
        import sys
        sys.path[:0] = {sys.path!r}
        from bt_run.cli.entry import main
        if __name__ == "__main__":
            sys.exit(main(["sweep", "sweep.yaml", "--out", {out!r}, *{list(words)!r}]))
        """
    )
    script = place / "driver.py"
    script.write_text(text)
    environment = {k: v for k, v in os.environ.items() if k != "BT_RUN_NO_LEDGER"}
    return subprocess.Popen(
        [sys.executable, str(script)],
        cwd=place,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def ended(driver):
    text, _ = driver.communicate()
    return driver.returncode, text


def wait_for(condition):
    never = threading.Event()
    while not condition():
        never.wait(0.05)


def kept(place, out="runs"):
    """Return how many cells are kept."""
    path = place / out / "small" / "sweeps" / "cells.sqlite"
    if not path.is_file():
        return 0
    import sqlite3

    connection = sqlite3.connect(path, timeout=30)
    try:
        return connection.execute("SELECT COUNT(*) FROM cells").fetchone()[0]
    except sqlite3.OperationalError:
        return 0  # the table is just being made
    finally:
        connection.close()


def tables(place, out="runs"):
    (page,) = (place / out / "small" / "sweeps").glob("*/sweep.html")
    return [page.with_name(f"{name}.parquet").read_bytes() for name in TABLES]


def cells_of(place, out="runs"):
    with open_ledger(place / out / "trials.sqlite") as ledger:
        return [trial.cell for trial in ledger.trials()]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Return a project whose sweep was played serially, to the end."""
    place = tmp_path_factory.mktemp("deaths")
    make_sweep(place, SWEEP, strategy=SLOW)
    code, text = ended(command(place, "--executor", "serial", out="whole"))
    assert code == 0, text
    return place


def same(place, out):
    assert tables(place, out) == tables(place, "whole")
    assert cells_of(place, out) == cells_of(place, "whole")
    assert len(cells_of(place, out)) == 8


@pytest.fixture
def gate(place):
    """Return a file as long as which exists no more than half of the cells can end."""
    file = place / "closed"
    file.touch()
    yield file
    file.unlink(missing_ok=True)


def test_a_driver_that_is_killed_is_gone_on_with(place, gate):
    driver = command(place, "--executor", "serial", out="driver")
    wait_for(lambda: kept(place, "driver") >= 3 or driver.poll() is not None)
    driver.kill()
    ended(driver)
    gate.unlink()
    before = kept(place, "driver")
    assert 3 <= before < 8
    code, text = ended(command(place, "--executor", "serial", out="driver"))
    assert code == 0, text
    same(place, "driver")


def test_a_worker_that_is_killed_takes_nothing_with_it(place, gate):
    driver = command(place, "--executor", "local", "--workers", "2", out="worker")
    wait_for(lambda: kept(place, "worker") >= 2 or driver.poll() is not None)
    workers = children_of(driver.pid)
    assert workers
    os.kill(workers[0], signal.SIGKILL)
    gate.unlink()
    code, text = ended(driver)
    assert code == 0, text
    same(place, "worker")


@pytest.fixture
def scheduler(place):
    """Start a scheduler and two workers of dask; return its address and their processes."""
    pytest.importorskip("distributed")
    file = place / "scheduler.json"
    file.unlink(missing_ok=True)
    words = ["--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    paths = os.pathsep.join(path for path in sys.path if path)
    environment = os.environ | {"PYTHONPATH": paths}
    base = [sys.executable, "-m", "distributed.cli.dask_scheduler"]
    head = subprocess.Popen([*base, *words, "--no-dashboard"], env=environment, **quiet)
    wait_for(lambda: file.is_file() and file.read_text().strip().endswith("}"))
    import json

    address = json.loads(file.read_text())["address"]
    base = [sys.executable, "-m", "distributed.cli.dask_worker"]
    worker = subprocess.Popen(
        [*base, address, "--nworkers", "2", "--nthreads", "1", "--no-dashboard"],
        env=environment,
        cwd=place,
        **quiet,
    )
    yield address, head, worker
    for process in (worker, head):
        process.terminate()
        process.wait()


def test_a_scheduler_that_is_killed_is_said_and_gone_on_with(place, scheduler, gate):
    address, head, _ = scheduler
    words = ("--executor", "dask", "--address", address)
    driver = command(place, *words, out="head")
    wait_for(lambda: kept(place, "head") >= 2 or driver.poll() is not None)
    head.kill()
    gate.unlink()
    code, text = ended(driver)
    assert code == 5, text
    assert f"executor dask: the scheduler at {address} is gone" in text
    assert "run the same command again for the rest" in text
    before = kept(place, "head")
    assert 2 <= before < 8
    code, text = ended(command(place, "--executor", "serial", out="head"))
    assert code == 0, text
    same(place, "head")


def test_a_cluster_elsewhere_gives_the_same_bytes(place, scheduler):
    address, _, _ = scheduler
    words = ("--executor", "dask", "--address", address)
    code, text = ended(command(place, *words, out="there"))
    assert code == 0, text
    same(place, "there")
