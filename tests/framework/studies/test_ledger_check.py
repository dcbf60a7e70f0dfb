"""Does a ledger still hold what was written to it?"""

import json
import sqlite3

import numpy as np
import pytest

from bt_run import DataError
from bt_run.results.trial_facts import TRIAL_FILE
from bt_run.studies.counting import Judged, TrialSubject, facts_of, trial_of
from bt_run.studies.ledger_check import check_ledger, merge_ledgers
from bt_run.studies.trials import open_ledger

DAYS = np.arange("2010-01-04", "2010-03-01", dtype="datetime64[D]")


def trial(number):
    returns = np.random.default_rng(number).normal(0, 0.01, len(DAYS))
    subject = TrialSubject(
        family="ideas", assets="A | A", components="{}", data="d", cell=f"c{number}"
    )
    return trial_of(subject, DAYS, returns, Judged("sharpe", None))


def changed(path, statement):
    connection = sqlite3.connect(path)
    with connection:
        for word in ("update", "delete"):
            connection.execute(f"DROP TRIGGER IF EXISTS no_{word}")
        connection.execute(statement)
    connection.close()


@pytest.fixture
def path(tmp_path):
    with open_ledger(tmp_path / "t.sqlite") as ledger:
        ledger.add([trial(number) for number in range(1, 6)])
    return tmp_path / "t.sqlite"


def checked(path, runs=None):
    with open_ledger(path) as ledger:
        return check_ledger(ledger, runs)


def test_a_ledger_as_it_was_written_passes_and_says_what_nobody_sees(path):
    found = checked(path)
    assert found.faults == ()
    assert "5 rows and 0 runs were read: no row was changed or taken out" in found.text
    assert "What no check sees" in found.text


def test_an_edited_row_is_named_first(path):
    changed(path, "UPDATE trials SET value = 3.0 WHERE number = 2")
    changed(path, "UPDATE trials SET sharpe = 3.0 WHERE number = 4")
    first, second = checked(path).faults
    assert first.startswith("row 2 ('ideas', ")
    assert first.endswith("was changed")
    assert second.startswith("row 4 ('ideas', ")


def test_a_row_edited_with_a_new_hash_breaks_the_chain(path):
    changed(path, "UPDATE trials SET hash = 'x' WHERE number = 2")
    faults = checked(path).faults
    assert faults[0].startswith("row 2 ")
    assert any(text.startswith("row 3 does not follow") for text in faults)


def test_a_deleted_row_is_named(path):
    changed(path, "DELETE FROM trials WHERE number = 3")
    assert (
        checked(path).faults[0].startswith("row 3 is missing before row 4 ('ideas', ")
    )


def test_returns_that_cannot_be_read_are_named(path):
    changed(
        path, "UPDATE trials SET returns = x'0102030405060708090a' WHERE number = 3"
    )
    (fault,) = checked(path).faults
    assert "t.sqlite: row 3 cannot be read, so it was changed: " in fault


def test_a_row_off_the_end_is_missed_by_its_run(path, tmp_path):
    folder = tmp_path / "runs" / "name" / "c5"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text("{}")
    with open_ledger(path) as ledger:
        facts = facts_of(ledger.trials()[-1], ledger)
    (folder / TRIAL_FILE).write_text(json.dumps(facts.as_json()))
    assert checked(path, tmp_path / "runs").faults == ()
    changed(path, "DELETE FROM trials WHERE number = 5")
    (fault,) = checked(path, tmp_path / "runs").faults
    assert f"{folder}: is trial 5 of 'ideas' by row {facts.row[:12]}" in fault
    assert "it was taken out, or changed" in fault


def test_ledgers_are_merged_and_rows_keep_where_they_came_from(path, tmp_path):
    other = tmp_path / "other.sqlite"
    with open_ledger(other) as ledger:
        made = ledger.add([trial(number) for number in (5, 6, 7)])
    with open_ledger(path) as one, open_ledger(other) as two:
        assert merge_ledgers(one, two) == 2
        found = one.trials()
        assert merge_ledgers(one, two) == 0
    assert [row.cell for row in found] == [f"c{number}" for number in range(1, 8)]
    assert [row.origin for row in found[-2:]] == [made[1].hash, made[2].hash]
    assert checked(path).faults == ()


def test_a_ledger_that_was_changed_is_not_merged(path, tmp_path):
    other = tmp_path / "other.sqlite"
    with open_ledger(other) as ledger:
        ledger.add([trial(9)])
    changed(other, "UPDATE trials SET value = 3.0")
    with open_ledger(path) as one, open_ledger(other) as two:
        with pytest.raises(DataError) as error:
            merge_ledgers(one, two)
        assert len(one.trials()) == 5
    assert "other.sqlite: row 1 " in str(error.value)
    assert str(error.value).endswith("was changed; nothing was merged")
