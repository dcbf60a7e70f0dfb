"""A bundle as somebody opens it who did not make it: nothing in it is believed before it is
checked, and nothing of it is run.
"""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from bt_run.atomic import is_full
from bt_run.errors import DataError
from bt_run.results.imports import local_code
from bt_run.results.stored_json import (
    check_manifest,
    first_fault,
    parsed_json,
    read_json,
)

__all__ = [
    "CONTENTS",
    "DATA",
    "FILES",
    "PLUGINS",
    "RUN",
    "TABLES_OF_DATA",
    "bulk",
    "is_inside",
    "unpack",
]

# the folders of a bundle, and the file that says what is in it
RUN, PLUGINS, FILES, DATA, TABLES_OF_DATA = "run", "plugins", "files", "data", "tables"
CONTENTS = "bundle.json"
FOLDERS = frozenset({RUN, PLUGINS, FILES, DATA, TABLES_OF_DATA})

MOST_MEMBERS = 20_000
MOST_BYTES = 2 << 30
# prices as text shrink to a tenth; what shrinks to a hundredth was made to fill a disk
HIGHEST_RATIO, SMALL_BYTES = 100, 16 << 20
MOST_CELLS = 200_000_000  # of a table: a parquet file can repeat one value for ever
LONGEST_NAME = 240
FORBIDDEN = frozenset('\\:*?"<>|')
CHUNK = 1 << 20
ENCRYPTED = 0x1
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# what reading an archive may raise when it is truncated, altered or of a kind not known
DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)
NO_BUNDLE = "is no bundle of a run; expected a file that `bt-run bundle` wrote"


class _Contents(BaseModel):
    """What bundle.json says."""

    model_config = ConfigDict(strict=True, extra="allow")

    run_id: str
    paths: dict[str, str]


def unpack(bundle: Path, folder: Path) -> tuple[Path, Mapping[str, str]]:
    """Open a bundle in ``folder``; return the run's folder, and where the paths lie now that its
    configuration names.

    Raises:
        DataError: the file is no bundle, is damaged, names files outside of itself, is too large,
            or holds what no run needs.
    """
    try:
        with zipfile.ZipFile(bundle) as opened:
            members = _checked_members(bundle, opened.infolist())
            contents = _contents(bundle, opened)
            _check_paths(bundle, contents, {member.filename for member in members})
            for member in members:
                _extract(opened, member, folder)
    except FileNotFoundError as error:
        raise DataError(f"{bundle}: no such file or folder") from error
    except DAMAGE as error:
        raise DataError(f"{bundle}: {NO_BUNDLE} ({error})") from error
    except OSError as error:
        place = folder if is_full(error) else bundle
        raise DataError(
            f"{place}: the bundle cannot be opened: {error.strerror or error}"
        ) from error
    places = {name: str(folder / place) for name, place in contents.paths.items()}
    _check_run(bundle, folder, contents.run_id, places)
    return folder / RUN, places


def bulk(unpacked: int, packed: int) -> str | None:
    """Return what is wrong where a bundle unpacks to more bytes than a run needs, else None."""
    if unpacked > MOST_BYTES:
        return f"holds {unpacked:,} bytes; expected {MOST_BYTES:,} at most"
    if unpacked > max(SMALL_BYTES, HIGHEST_RATIO * packed):
        return (
            f"{packed:,} bytes unpack to {unpacked:,}; expected {HIGHEST_RATIO} times as much at "
            "most"
        )
    return None


def is_inside(name: str) -> bool:
    """Tell whether a name leads to one place below a folder, on every system."""
    path = PurePosixPath(name)
    plain = name.isprintable() and not set(name) & FORBIDDEN
    if (
        not plain
        or not path.parts
        or path.is_absolute()
        or not 0 < len(name) <= LONGEST_NAME
    ):
        return False
    # Windows drops what ends a name here, so that two names would be one
    clean = all(part == part.rstrip(". ") for part in path.parts)
    return clean and path.as_posix() == name


def _refused(bundle: Path, why: str) -> DataError:
    return DataError(f"{bundle}: {why}; it is not opened")


# -- the archive -----------------------------------------------------------------------------------


def _checked_members(
    bundle: Path, infos: Sequence[zipfile.ZipInfo]
) -> list[zipfile.ZipInfo]:
    """Return the files of an archive, all of which may be written below a folder."""
    if len(infos) > MOST_MEMBERS:
        raise _refused(
            bundle, f"holds {len(infos):,} files; expected {MOST_MEMBERS:,} at most"
        )
    for info in infos:
        _check_member(bundle, info)
    counted = Counter(info.filename.rstrip("/").casefold() for info in infos)
    name, times = counted.most_common(1)[0] if counted else ("", 0)
    if times > 1:
        raise _refused(bundle, f"holds {name!r} {times} times; expected it once")
    unpacked = sum(info.file_size for info in infos)
    too_much = bulk(unpacked, bundle.stat().st_size)
    if too_much:
        raise _refused(bundle, too_much)
    return [info for info in infos if not info.is_dir()]


def _check_member(bundle: Path, info: zipfile.ZipInfo) -> None:
    name = info.filename.rstrip("/")
    if not is_inside(name) or info.orig_filename != info.filename:
        raise _refused(
            bundle, f"names {info.orig_filename!r}, a file outside of itself"
        )
    if name != CONTENTS and name.split("/")[0] not in FOLDERS:
        raise _refused(
            bundle,
            f"holds {name!r}; expected {CONTENTS} and files in {', '.join(sorted(FOLDERS))}",
        )
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise _refused(bundle, f"{name!r} is a link or a device; expected plain files")
    if info.flag_bits & ENCRYPTED:
        raise _refused(bundle, f"{name!r} is encrypted; expected plain files")
    if info.compress_type not in METHODS:
        raise _refused(bundle, f"{name!r} is compressed by another method than deflate")


def _contents(bundle: Path, opened: zipfile.ZipFile) -> _Contents:
    if CONTENTS not in opened.namelist():
        raise DataError(f"{bundle}: {NO_BUNDLE} (it holds no {CONTENTS})")
    found = parsed_json(opened.read(CONTENTS), CONTENTS)
    try:
        return _Contents.model_validate(found)
    except ValidationError as error:
        raise ValueError(f"{CONTENTS}: {first_fault(error)}") from error


def _check_paths(bundle: Path, contents: _Contents, names: set[str]) -> None:
    """Refuse paths that lead to what does not lie in the bundle."""
    folders = {
        parent.as_posix() for name in names for parent in PurePosixPath(name).parents
    }
    for name, place in contents.paths.items():
        if not is_inside(place):
            raise _refused(bundle, f"{name}: names {place!r}, a file outside of itself")
        if place not in names | folders:
            raise _refused(bundle, f"{name}: names {place!r}, which it does not hold")


def _extract(opened: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path) -> None:
    place = folder / member.filename
    place.parent.mkdir(parents=True, exist_ok=True)
    with opened.open(member) as source, place.open("xb") as target:
        while chunk := source.read(CHUNK):
            target.write(chunk)


# -- what it holds ---------------------------------------------------------------------------------


def _check_run(
    bundle: Path, folder: Path, run_id: str, places: Mapping[str, str]
) -> None:
    """Refuse what is no run, code that no plugin of the run imports, and tables without end."""
    try:
        manifest = read_json(folder / RUN / "manifest.json")
        check_manifest(manifest)
        for table in folder.rglob("*.parquet"):
            _check_table(table, table.relative_to(folder).as_posix())
    except (OSError, ValueError) as error:
        raise DataError(f"{bundle}: {NO_BUNDLE} ({error})") from error
    if manifest["run_id"] != run_id:
        raise _refused(
            bundle,
            f"{CONTENTS} names run {run_id!r}, its manifest {manifest['run_id']!r}",
        )
    known: set[Path] = set()
    for name in _plugin_names(bundle, manifest["config"]):
        place = Path(places.get(name, ""))
        if folder / PLUGINS not in place.parents or not place.is_file():
            raise _refused(
                bundle,
                f"the plugin file {name!r} of its run is not in its folder {PLUGINS}",
            )
        known |= set(local_code(place).files.values())
    for path in (folder / PLUGINS).rglob("*"):
        if path.is_file() and path not in known:
            stray = path.relative_to(folder).as_posix()
            raise _refused(
                bundle, f"holds {stray!r}, which no plugin of its run imports"
            )


def _plugin_names(bundle: Path, config: Mapping[str, Any]) -> list[str]:
    found = config.get("plugins", [])
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise _refused(bundle, "the plugins of its configuration are no list of files")
    return found


def _check_table(path: Path, name: str) -> None:
    """Refuse a table that repeats a few values without end.

    Raises:
        ValueError: it holds too many values, or is no table.
    """
    import pyarrow.parquet as pq

    found = pq.read_metadata(path)
    cells = found.num_rows * max(1, found.num_columns)
    if cells > MOST_CELLS:
        raise ValueError(
            f"{name}: found {cells:,} values; expected {MOST_CELLS:,} at most"
        )
