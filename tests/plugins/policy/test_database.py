"""Policies in a database: rows are only added, on SQLite and on PostgreSQL alike."""

import sqlite3
import subprocess
import sys
import threading

import pytest
from kit.postgres import own_cluster, why_no_server

from bt_run import ConfigError, DataError
from bt_run_plugins.policy.database import open_database
from bt_run_plugins.policy.policy import OptimizationPolicy

sa = pytest.importorskip("sqlalchemy")


@pytest.fixture(scope="module")
def server():
    """Return the URL of a PostgreSQL server."""
    pytest.importorskip("psycopg")
    if why_no_server():
        pytest.skip(why_no_server())
    with own_cluster() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    """Return an empty database."""
    if request.param == "sqlite":
        return str(tmp_path / "policies.sqlite")
    found = request.getfixturevalue("server")
    engine = sa.create_engine(found.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE IF EXISTS optimizer_policies")
    engine.dispose()
    return found


def policy(name="house", **keys):
    return OptimizationPolicy(id=name, **keys)


def store(url, *policies):
    with open_database(url) as database:
        return [(one.label, one.new) for one in database.store(policies)]


def test_equal_content_again_is_no_version_and_changed_content_the_next(url):
    assert store(url, policy(), policy("other")) == [
        ("house@1", True),
        ("other@1", True),
    ]
    assert store(url, policy()) == [("house@1", False)]
    assert store(url, policy(max_single_position_pct=0.1)) == [("house@2", True)]
    # back to what it was is a version of its own
    assert store(url, policy()) == [("house@3", True)]
    with open_database(url) as database:
        assert [one.label for one in database.policies()] == ["house@3", "other@1"]
        assert [one.version for one in database.history("house")] == [1, 2, 3]
        assert database.find("house").version == 3
        assert database.find("house@2").policy.max_single_position_pct == 0.1


def test_an_unknown_policy_or_version_is_named_with_what_there_is(url):
    store(url, policy(), policy("other"))
    with open_database(url) as database:
        with pytest.raises(ConfigError) as error:
            database.find("hous")
        assert str(error.value) == (
            "no policy 'hous'; stored are house, other (did you mean 'house'?)"
        )
        with pytest.raises(ConfigError, match="house has no version '7'; found 1"):
            database.find("house@7")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE optimizer_policies SET status = 'x'",
        "DELETE FROM optimizer_policies",
    ],
)
def test_the_server_itself_refuses_to_change_or_remove_a_row(url, statement):
    store(url, policy())
    whole = url.replace("postgresql://", "postgresql+psycopg://")
    engine = sa.create_engine(whole if "://" in whole else f"sqlite:///{whole}")
    with pytest.raises(sa.exc.DBAPIError) as error, engine.begin() as connection:
        connection.exec_driver_sql(statement)
    assert "rows of optimizer_policies are only added" in str(error.value.orig)
    engine.dispose()


def test_all_of_a_file_is_stored_or_none(url):
    with open_database(url) as database:
        with pytest.raises(AttributeError):
            database.store([policy(), None])
        assert database.policies() == []


def test_two_writers_at_once_get_two_versions(url):
    store(url, policy())
    failed = []

    def write(start):
        for number in range(6):
            cap = (start + number) / 1000
            try:
                store(url, policy(max_single_position_pct=cap))
            except Exception as error:
                failed.append(error)

    writers = [threading.Thread(target=write, args=(at,)) for at in (100, 500)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert failed == []
    with open_database(url) as database:
        found = database.history("house")
    assert [one.version for one in found] == list(range(1, 14))
    caps = {one.policy.max_single_position_pct for one in found[1:]}
    assert caps == {at / 1000 for at in (*range(100, 106), *range(500, 506))}


KILLED = """
import os, sys
sys.path[:0] = {paths!r}
from bt_run_plugins.policy import database
from bt_run_plugins.policy.policy import OptimizationPolicy
kept = database.Database._stored
def die(self, connection, policy):
    if policy.id == "second":
        os.kill(os.getpid(), 9)
    return kept(self, connection, policy)
database.Database._stored = die
with database.open_database({url!r}) as opened:
    opened.store([OptimizationPolicy(id="first"), OptimizationPolicy(id="second")])
"""


def test_killed_between_two_inserts_leaves_the_old_state(url):
    store(url, policy())
    text = KILLED.format(paths=sys.path, url=url)
    assert subprocess.run([sys.executable, "-c", text], check=False).returncode == -9
    with open_database(url) as database:
        assert [one.label for one in database.policies()] == ["house@1"]
    assert store(url, policy("first")) == [("first@1", True)]


def test_an_altered_row_is_refused(tmp_path):
    path = tmp_path / "policies.sqlite"
    store(str(path), policy())
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("DROP TRIGGER optimizer_policies_update")
        connection.execute(
            "UPDATE optimizer_policies SET content = replace(content, '252', '250')"
        )
    connection.close()
    with open_database(str(path)) as database, pytest.raises(DataError) as error:
        database.find("house")
    assert str(error.value).startswith("house@1: was altered: its content is not that")


def test_a_database_that_cannot_be_used_is_named(tmp_path):
    path = tmp_path / "policies.sqlite"
    path.write_bytes(b"no database at all, only words" * 50)
    with pytest.raises(DataError) as error, open_database(str(path)):
        pass
    assert "the policies cannot be used: file is not a database" in str(error.value)
    assert "name another database by --db or BT_RUN_POLICY_DB" in str(error.value)
    with pytest.raises(DataError) as error, open_database("nonsense://me:secret@x"):
        pass
    assert "nonsense://me:***@x: the policies cannot be used: " in str(error.value)
    assert "secret" not in str(error.value)
