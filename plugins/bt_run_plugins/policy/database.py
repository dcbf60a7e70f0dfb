"""Policies in a database, one row for each version, which the database itself never changes.

SQLite in a file, or PostgreSQL by its URL.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bt_run import ConfigError, DataError
from bt_run.text import did_you_mean
from bt_run_plugins.policy.policy import (
    OptimizationPolicy,
    canonical_text,
    content_hash,
)

__all__ = ["Database", "Stored", "open_database"]

TABLE = "optimizer_policies"
TRIES = 20  # versions that another writer may have taken in between
ONLY_ADDED = f"rows of {TABLE} are only added"


@dataclass(frozen=True)
class Stored:
    """A version of a policy.

    Attributes:
        policy: its content.
        version: from 1 on.
        sha256: of the canonical JSON of the content.
        created_at: when it was stored, ISO, UTC.
        new: it was stored just now; False where the newest version had the same content.
    """

    policy: OptimizationPolicy
    version: int
    sha256: str
    created_at: str
    new: bool = False

    @property
    def label(self) -> str:
        """Return ``ID@VERSION``."""
        return f"{self.policy.id}@{self.version}"


class Database:
    """Policies by id and version; ``open_database`` opens one."""

    def __init__(self, engine: Any, table: Any) -> None:
        self._engine, self._table = engine, table

    def store(self, policies: Sequence[OptimizationPolicy]) -> list[Stored]:
        """Store all of ``policies``, or none: each as the next version of its id; content that the
        newest version has already is not stored again.

        Raises:
            DataError: the database cannot be written, or a row of it was altered.
        """
        from sqlalchemy.exc import IntegrityError, OperationalError

        for number in range(TRIES):
            try:
                with self._writing() as connection:
                    return [self._stored(connection, policy) for policy in policies]
            except IntegrityError as error:
                # another writer took the version: look again which is the next
                last: Exception = error
            except OperationalError as error:
                if "locked" not in str(error.orig) or number == TRIES - 1:
                    raise self._unusable(error) from error
                last = error
        raise self._unusable(last)

    def policies(self) -> list[Stored]:
        """Return the newest version of each policy, by id."""
        newest: dict[str, Stored] = {}
        for row in self._rows():
            newest[row.policy.id] = row
        return [newest[name] for name in sorted(newest)]

    def history(self, name: str) -> list[Stored]:
        """Return every version of the policy ``name``, the oldest first.

        Raises:
            ConfigError: there is no such policy.
        """
        every = self._rows()
        found = [row for row in every if row.policy.id == name]
        if not found:
            known = sorted({row.policy.id for row in every})
            raise ConfigError(
                f"no policy {name!r}; stored are {', '.join(known) or 'none'}"
                f"{did_you_mean(name, known)}"
            )
        return found

    def find(self, label: str) -> Stored:
        """Return the policy of a ``label``, ID for its newest version or ID@VERSION.

        Raises:
            ConfigError: there is no such policy, or not this version of it.
        """
        name, at, number = label.partition("@")
        versions = self.history(name)
        if not at:
            return versions[-1]
        for one in versions:
            if str(one.version) == number:
                return one
        known = ", ".join(str(one.version) for one in versions)
        raise ConfigError(f"{name} has no version {number!r}; found {known}")

    @contextmanager
    def _writing(self) -> Iterator[Any]:
        with self._engine.connect() as connection:
            if self._engine.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            with _kept(connection):
                yield connection

    def _stored(self, connection: Any, policy: OptimizationPolicy) -> Stored:
        table, text = self._table, canonical_text(policy)
        rows = connection.execute(
            table.select().where(table.c.id == policy.id).order_by(table.c.version)
        ).all()
        if rows and rows[-1].sha256 == content_hash(text):
            return _read(rows[-1])
        made = Stored(
            policy,
            version=rows[-1].version + 1 if rows else 1,
            sha256=content_hash(text),
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
            new=True,
        )
        connection.execute(
            table.insert().values(
                id=policy.id,
                version=made.version,
                method_version=policy.method_version,
                sha256=made.sha256,
                content=text,
                status="active",
                valid_from=None
                if policy.valid_from is None
                else str(policy.valid_from),
                created_at=made.created_at,
            )
        )
        return made

    def _rows(self) -> list[Stored]:
        from sqlalchemy.exc import SQLAlchemyError

        table = self._table
        try:
            with self._engine.connect() as connection:
                rows = connection.execute(
                    table.select().order_by(table.c.id, table.c.version)
                ).all()
        except SQLAlchemyError as error:
            raise self._unusable(error) from error
        return [_read(row) for row in rows]

    def _unusable(self, error: Exception) -> DataError:
        return _unusable(str(self._engine.url), error)


@contextmanager
def open_database(url: str) -> Iterator[Database]:
    """Open the database at ``url``, a path of a SQLite file or what SQLAlchemy takes, and make the
    table where there is none.

    Raises:
        DataError: it cannot be reached, read or written.
    """
    import sqlalchemy as sa
    from sqlalchemy.exc import ArgumentError, SQLAlchemyError

    whole = url
    if "://" not in url:
        Path(url).parent.mkdir(parents=True, exist_ok=True)
        whole = f"sqlite:///{url}"
    if whole.startswith("postgresql://"):
        whole = f"postgresql+psycopg://{whole.removeprefix('postgresql://')}"
    try:
        engine = sa.create_engine(whole)
    except (ArgumentError, ImportError, SQLAlchemyError) as error:
        raise _unusable(url, error) from error
    table = _table(sa)
    try:
        _make(engine, table)
        yield Database(engine, table)
    except SQLAlchemyError as error:
        raise _unusable(str(engine.url), error) from error
    finally:
        engine.dispose()


def _table(sa: Any) -> Any:
    return sa.Table(
        TABLE,
        sa.MetaData(),
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("method_version", sa.String(16), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("valid_from", sa.String(10)),
        sa.Column("created_at", sa.String(32), nullable=False),
    )


def _make(engine: Any, table: Any) -> None:
    """Make the table and the triggers that keep its rows, where they are missing."""
    import sqlalchemy as sa

    if sa.inspect(engine).has_table(TABLE):
        return
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            # two that make it at once would both find none
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7034501)")
        table.metadata.create_all(connection, checkfirst=True)
        for statement in _triggers(engine.dialect.name):
            connection.exec_driver_sql(statement)


def _triggers(dialect: str) -> list[str]:
    if dialect == "postgresql":
        return [
            f"CREATE OR REPLACE FUNCTION {TABLE}_kept() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{ONLY_ADDED}'; END $$",
            f"CREATE OR REPLACE TRIGGER {TABLE}_rows BEFORE UPDATE OR DELETE ON {TABLE} "
            f"FOR EACH ROW EXECUTE FUNCTION {TABLE}_kept()",
            f"CREATE OR REPLACE TRIGGER {TABLE}_all BEFORE TRUNCATE ON {TABLE} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {TABLE}_kept()",
        ]
    return [
        f"CREATE TRIGGER IF NOT EXISTS {TABLE}_{word} BEFORE {word.upper()} ON {TABLE} "
        f"BEGIN SELECT RAISE(ABORT, '{ONLY_ADDED}'); END"
        for word in ("update", "delete")
    ]


def _read(row: Any) -> Stored:
    """Return a row; refuse one whose content is not what its hash says.

    Raises:
        DataError: it was altered.
    """
    if content_hash(row.content) != row.sha256:
        raise DataError(
            f"{row.id}@{row.version}: was altered: its content is not that of its sha256 "
            f"{row.sha256[:12]}"
        )
    policy = OptimizationPolicy.model_validate(json.loads(row.content))
    return Stored(policy, row.version, row.sha256, row.created_at)


@contextmanager
def _kept(connection: Any) -> Iterator[None]:
    """Commit what is under way, or take it back."""
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


def _unusable(url: str, error: Exception) -> DataError:
    cause = getattr(error, "orig", None) or error
    first = str(cause).strip().splitlines()[0] if str(cause).strip() else repr(cause)
    # no password in a message
    shown = re.sub(r"://([^:/@]+):[^@]*@", r"://\1:***@", url)
    return DataError(
        f"{shown}: the policies cannot be used: {first}; name another database by --db or "
        "BT_RUN_POLICY_DB"
    )
