"""A PostgreSQL server of one's own, on a socket in a folder that it owns."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["own_cluster", "why_no_server"]

USER = "postgres"


def binaries() -> Path | None:
    """Return the folder of initdb and pg_ctl, the newest; None where there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    found += [Path(on_path)] if on_path else []
    return found[-1].parent if found else None


def why_no_server() -> str:
    """Return why no server can be started here; nothing where one can."""
    return "" if binaries() else "PostgreSQL is not installed: no initdb was found"


@contextmanager
def own_cluster() -> Iterator[str]:
    """Make a cluster, start it, and yield the URL of its database."""
    tools = binaries()
    assert tools is not None
    # initdb refuses root; another user cannot look into pytest's folders
    prefix = ["runuser", "-u", USER, "--"] if os.getuid() == 0 else []
    folder = Path(tempfile.mkdtemp(prefix="bt_run_postgres_"))
    if prefix:
        shutil.chown(folder, USER)

    def call(*words: str) -> None:
        subprocess.run(
            [*prefix, *words], check=True, cwd=folder, stdout=subprocess.DEVNULL
        )

    data = str(folder / "data")
    try:
        words = ["-D", data, "-U", "bt", "-A", "trust", "--no-sync", "-E", "UTF8"]
        call(str(tools / "initdb"), *words)
        options = f"-c listen_addresses='' -c unix_socket_directories='{folder}'"
        log = str(folder / "log")
        start = ["-D", data, "-w", "-l", log, "-o", options, "start"]
        call(str(tools / "pg_ctl"), *start)
        try:
            yield f"postgresql://bt@/postgres?host={folder}"
        finally:
            call(str(tools / "pg_ctl"), "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
