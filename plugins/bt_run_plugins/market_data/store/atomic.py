"""Write files so that a reader sees the old one or the new one, and nothing between, whatever happens."""

from __future__ import annotations

import os
from pathlib import Path

TEMPORARY = ".tmp-"


def replace_file(path: Path, content: bytes) -> None:
    """Write ``content`` to a temporary file beside ``path``, force it to the disk, and put it in place.

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
    """Make a folder and those above it, and force their names to the disk."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for path in missing:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Force the names in a folder to the disk; Windows does so by itself."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def forget(path: Path) -> None:
    """Remove a file of which nobody knows; if that fails, the next writer of the store does it."""
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return
