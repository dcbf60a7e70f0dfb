"""Disks on which the locks of a ledger do not hold."""

from pathlib import Path

import pytest

from bt_run import DataError
from bt_run.studies.file_systems import file_system_of, refuse_network_disk

MOUNTS = """\
overlay / overlay rw 0 0
server:/home /home nfs4 rw 0 0
/dev/sda1 /home/me/own\\040disk ext4 rw 0 0
//box/share /mnt/share cifs rw 0 0
odd
"""


@pytest.fixture
def mounts(tmp_path):
    file = tmp_path / "mounts"
    file.write_text(MOUNTS)
    return file


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/srv/runs/trials.sqlite", "overlay"),
        ("/home/me/trials.sqlite", "nfs4"),
        ("/home/me/own disk/trials.sqlite", "ext4"),
        ("/mnt/share/a", "cifs"),
        ("/mnt/shared/a", "overlay"),
    ],
)
def test_the_nearest_mount_says_what_a_path_lies_on(mounts, path, kind):
    assert file_system_of(Path(path), mounts) == kind


def test_a_ledger_on_a_network_disk_is_refused(mounts):
    with pytest.raises(DataError) as error:
        refuse_network_disk(Path("/home/me/trials.sqlite"), mounts)
    assert str(error.value) == (
        "/home/me/trials.sqlite: lies on a network file system (nfs4), whose locks cannot be "
        "trusted; keep the trial ledger on a local disk (--ledger PATH), one for each machine, and "
        "put them together by `bt-run trials merge`"
    )


def test_where_mounts_cannot_be_read_nothing_is_refused(tmp_path):
    assert file_system_of(Path("/home"), tmp_path / "none") == ""
    refuse_network_disk(Path("/home"), tmp_path / "none")
