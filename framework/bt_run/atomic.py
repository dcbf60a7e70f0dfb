"""Files of which a reader sees the old one or the new one and nothing between, and one writer at a
time.
"""

from __future__ import annotations

import errno
import importlib
import json
import os
import shutil
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bt_run.errors import DataError

__all__ = [
    "TEMPORARY",
    "forget",
    "forget_dead",
    "is_full",
    "locked",
    "make_folder",
    "replace_file",
    "sync_folder",
]

TEMPORARY = ".tmp-"
# the locked byte lies far behind the owner's words, so that Windows lets others read them
_FAR = 1 << 30
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_HELD = frozenset({errno.EACCES, errno.EAGAIN, errno.EDEADLK})


def replace_file(path: Path, content: bytes) -> None:
    """Write ``content`` to a temporary file beside ``path``, force it to the disk, and put it in
    place.

    Raises:
        OSError: nothing was put in place.
    """
    temporary = path.with_name(f"{TEMPORARY}{os.getpid()}-{path.name}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError:
        forget(temporary)
        raise


def make_folder(folder: Path) -> None:
    """Make ``folder`` and those above it, and force their names to the disk."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for path in missing:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Force the names in ``folder`` to the disk; Windows does so by itself."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def forget(path: Path) -> None:
    """Remove the file at ``path``, if it is there; a later writer does what fails here."""
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return


def is_full(error: OSError) -> bool:
    """Tell whether an ``error`` says that a disk, or what a user may keep on it, is full."""
    return error.errno in _FULL


def forget_dead(folder: Path, lock: Path, pid: int) -> None:
    """Remove ``folder`` and its ``lock`` if the process that was making it is dead; otherwise do
    nothing.

    A lock that can be taken is one whose holder died. What another host holds is left to it, since
    not every network disk shows its locks; where a lock says nothing, ``pid`` must be gone.
    """
    owner = _owner(lock)
    if owner.get("host", socket.gethostname()) != socket.gethostname():
        return
    if not owner and _is_alive(pid):
        return
    with suppress(DataError), locked(lock):
        shutil.rmtree(folder, ignore_errors=True)
        forget(lock)


def _is_alive(pid: int) -> bool:
    """Tell whether a process of this host has a number; Windows cannot be asked like this."""
    if os.name == "nt":
        return True
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


@contextmanager
def locked(path: Path) -> Iterator[str | None]:
    """Hold the lock at ``path``; yield a sentence when it is taken over from a writer that died,
    else None.

    Raises:
        DataError: another writer holds the lock (the text names its process, host, command and
            since when), or the place cannot be written to.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise DataError(
            f"{path}: cannot be written: {error.strerror or error}; choose another store"
        ) from error
    try:
        _take(descriptor, path)
        before = _owner(path)
        _write(descriptor, json.dumps(_me()))
        try:
            yield (
                f"the writer before, {_words(before)}, died; its lock is taken over"
                if before
                else None
            )
        finally:
            _write(descriptor, "")
    finally:
        os.close(descriptor)


def _take(descriptor: int, path: Path) -> None:
    try:
        try:
            unix: Any = importlib.import_module("fcntl")
        except ImportError:
            windows: Any = importlib.import_module("msvcrt")
            os.lseek(descriptor, _FAR, os.SEEK_SET)
            windows.locking(descriptor, windows.LK_NBLCK, 1)
        else:
            unix.flock(descriptor, unix.LOCK_EX | unix.LOCK_NB)
    except OSError as error:
        if error.errno in _HELD:
            raise DataError(
                f"{path.parent}: another writer is at work there, {_words(_owner(path))}; "
                "wait until it has ended, or choose another store"
            ) from error
        raise DataError(
            f"{path}: files cannot be locked there ({error}); keep the store on a local disk"
        ) from error


def _write(descriptor: int, text: str) -> None:
    # a full disk must not keep anybody from the lock itself
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, text.encode())


def _me() -> dict[str, Any]:
    return {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])[:300],
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _owner(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _words(owner: dict[str, Any]) -> str:
    if not owner:
        return "which has not said who it is"
    pid, host = owner.get("pid"), owner.get("host")
    return f"process {pid} on {host} (`{owner.get('command')}`), since {owner.get('since')}"
