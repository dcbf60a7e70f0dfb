"""The trial ledger: rows are only added, and each carries the hash of the one before."""

import sqlite3
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from bt_run import DataError
from bt_run.studies.trials import BEGINNING, Trial, open_ledger, row_hash

DAYS = np.array(["2020-01-02", "2020-01-03", "2020-01-06"], dtype="datetime64[D]")


def trial(cell="a" * 12, **changes):
    made = Trial(
        time="2020-02-01T00:00:00+00:00",
        family="ideas",
        assets="AAA | AAA",
        components="{}",
        data="f" * 64,
        first="2020-01-02",
        last="2020-01-06",
        cell=cell,
        score="sharpe",
        value=0.5,
        sharpe=0.03,
        sessions=DAYS,
        returns=np.array([0.01, -0.02, 0.03]),
    )
    return replace(made, **changes)


def test_rows_are_numbered_and_chained(tmp_path):
    with open_ledger(tmp_path / "t.sqlite") as ledger:
        one, two = ledger.add([trial("a"), trial("b")])
    assert (one.number, two.number) == (1, 2)
    assert (one.previous, two.previous) == (BEGINNING, one.hash)
    assert row_hash(two) == two.hash != row_hash(replace(two, value=0.6))


def test_what_is_read_is_what_was_written(tmp_path):
    with open_ledger(tmp_path / "t.sqlite") as ledger:
        ledger.add([trial()])
    with open_ledger(tmp_path / "t.sqlite") as ledger:
        (found,) = ledger.trials()
    np.testing.assert_array_equal(found.sessions, DAYS)
    np.testing.assert_array_equal(
        found.returns, np.array([0.01, -0.02, 0.03], dtype=np.float32)
    )
    assert (found.value, found.sharpe, found.family) == (0.5, 0.03, "ideas")
    assert row_hash(found) == found.hash


def test_a_repeated_cell_counts_once_in_its_family(tmp_path):
    with open_ledger(tmp_path / "t.sqlite") as ledger:
        (one,) = ledger.add([trial()])
        (again,) = ledger.add([trial(time="2021-01-01T00:00:00+00:00")])
        (other,) = ledger.add([trial(family="more")])
        assert (again.number, again.time) == (1, one.time)
        assert other.number == 2
        assert len(ledger.trials()) == 2
        assert len(ledger.trials("more")) == 1
        assert ledger.count_of_others(one) == 1
        assert ledger.cells() == {"a" * 12}


@pytest.mark.parametrize("change", ["UPDATE trials SET value = 9", "DELETE FROM trials"])
def test_rows_cannot_be_changed_or_taken_out_by_accident(tmp_path, change):
    path = tmp_path / "t.sqlite"
    with open_ledger(path) as ledger:
        ledger.add([trial()])
    connection = sqlite3.connect(path)
    with pytest.raises(sqlite3.IntegrityError, match="rows of a trial ledger are only"):
        connection.execute(change)
    connection.close()


def test_an_error_in_the_middle_adds_nothing(tmp_path):
    with open_ledger(tmp_path / "t.sqlite") as ledger:
        with pytest.raises(AttributeError):
            ledger.add([trial(), None])
        assert ledger.trials() == []


def test_what_is_no_ledger_is_refused(tmp_path):
    path = tmp_path / "t.sqlite"
    path.write_bytes(b"no database at all, only words" * 50)
    with pytest.raises(DataError) as error, open_ledger(path):
        pass
    assert "t.sqlite: the trial ledger cannot be used: file is not a database" in str(
        error.value
    )
    assert "--no-ledger" in str(error.value)


WRITER = """
import sys
sys.path[:0] = {paths!r}
from framework_trial import trial
from bt_run.studies.trials import open_ledger
for number in range(40):
    with open_ledger({ledger!r}) as ledger:
        ledger.add([trial(sys.argv[1] + str(number))])
"""


def test_two_drivers_on_one_ledger_lose_nothing(tmp_path):
    (tmp_path / "framework_trial.py").write_text(
        "import numpy as np\n"
        "from bt_run.studies.trials import Trial\n"
        "def trial(cell):\n"
        "    return Trial(time='t', family='f', assets='a', components='{}', data='d',\n"
        "        first='2020-01-02', last='2020-01-02', cell=cell, score='sharpe',\n"
        "        value=None, sharpe=None, returns=np.array([0.1]),\n"
        "        sessions=np.array(['2020-01-02'], dtype='datetime64[D]'))\n"
    )
    path = tmp_path / "t.sqlite"
    paths = [str(tmp_path), *sys.path]
    text = WRITER.format(paths=paths, ledger=path.__fspath__())
    text = text.replace("open_ledger('", "open_ledger(__import__('pathlib').Path('")
    text = text.replace(".sqlite')", ".sqlite'))")
    writers = [
        subprocess.Popen([sys.executable, "-c", text, name]) for name in ("one", "two")
    ]
    assert [writer.wait() for writer in writers] == [0, 0]
    with open_ledger(path) as ledger:
        found = ledger.trials()
    assert [one.number for one in found] == list(range(1, 81))
    assert len({one.cell for one in found}) == 80
    before = [BEGINNING, *(one.hash for one in found)]
    assert [one.previous for one in found] == before[:-1]
