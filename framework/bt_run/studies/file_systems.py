"""Disks on which several machines may write: what SQLite's locks do not hold on."""

from __future__ import annotations

from pathlib import Path

from bt_run.errors import DataError

__all__ = ["file_system_of", "refuse_network_disk"]

MOUNTS = Path("/proc/self/mounts")
NETWORK = (
    "9p",
    "afs",
    "beegfs",
    "ceph",
    "cifs",
    "fuse.sshfs",
    "fuse.s3fs",
    "fuse.glusterfs",
    "glusterfs",
    "gpfs",
    "lustre",
    "ncpfs",
    "nfs",
    "nfs4",
    "orangefs",
    "smb3",
    "smbfs",
)


def refuse_network_disk(path: Path, mounts: Path = MOUNTS) -> None:
    """Refuse a ``path`` on a file system of the network, as far as ``mounts`` tells.

    Raises:
        DataError: it is one.
    """
    kind = file_system_of(path, mounts)
    if kind in NETWORK:
        raise DataError(
            f"{path}: lies on a network file system ({kind}), whose locks cannot be trusted; keep "
            "the trial ledger on a local disk (--ledger PATH), one for each machine, and put "
            "them together by `bt-run trials merge`"
        )


def file_system_of(path: Path, mounts: Path = MOUNTS) -> str:
    """Return the kind of file system that ``path`` lies on; nothing where the list of ``mounts``
    cannot be read, as on other systems than Linux.
    """
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    place = path.absolute().resolve()
    found, longest = "", -1
    for line in lines:
        parts = line.split(" ")
        if len(parts) < 3:
            continue
        # the kernel writes blanks in a path like this
        point = Path(parts[1].replace("\\040", " "))
        if place.is_relative_to(point) and len(point.parts) > longest:
            found, longest = parts[2], len(point.parts)
    return found
