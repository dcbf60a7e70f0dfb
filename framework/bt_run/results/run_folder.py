"""A run on disk: written in one step, read back."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from bt_run.atomic import forget, forget_dead, is_full, locked, replace_file
from bt_run.config.portable_paths import with_places
from bt_run.config.run_config import RunConfig
from bt_run.data.parquet_files import parquet_table
from bt_run.errors import DataError
from bt_run.results.damage import refuse_damage
from bt_run.results.identity import plain_json
from bt_run.results.result import BacktestResult, tables_in
from bt_run.results.stored_json import check_manifest, check_metrics, read_json
from bt_run.results.trial_facts import read_trial

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "ANALYSES",
    "PLACES",
    "intact_run",
    "load_result",
    "make_parent",
    "read_places",
    "read_run",
    "write_run",
]

# where paths lie on this machine; no part of the run, and in no bundle
PLACES = "places.json"
ANALYSES = "analyses"  # the folder of analyzers' tables, and their key
_REPLACED = re.compile(r"\.(?P<run>[0-9a-f]+)\.old")
_LEFT = re.compile(r"\.(?P<made>[0-9a-f]+\.(?P<pid>\d+))(?P<what>|\.lock|\.link)")


def load_result(folder: Path | str) -> BacktestResult:
    """Read a finished run back as a result, to look at it or to report it again.

    ``folder`` is ``runs/NAME/RUN_ID``, or ``runs/NAME/latest``. The tables are checked against the
    hashes of the manifest.

    Raises:
        DataError: no run is there, or a file of it is not what it was.
    """
    folder = Path(folder)
    found = intact_run(folder)
    manifest = found["manifest"]
    places = read_places(folder)
    return BacktestResult(
        config=RunConfig.model_validate(with_places(manifest["config"], places)),
        run_id=manifest["run_id"],
        **{name: found[name] for name in tables_in(manifest)},
        metrics=found["metrics"],
        manifest=manifest,
        analyses=found[ANALYSES],
        notes=tuple(manifest["notes"]),
        warnings=tuple(manifest.get("warnings", ())),
        look_ahead=manifest.get("look_ahead", {}).get("sentence", ""),
        places=places,
        trial=read_trial(folder),
        folder=folder,
    )


def make_parent(root: Path, name: str) -> None:
    """Make the folder of all runs of a name: better before a run than after it.

    Raises:
        DataError: the disk is full.
        OSError: the folder cannot be made for another reason.
    """
    try:
        (root / name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        if is_full(error):
            raise _not_written(root / name, error) from error
        raise


def intact_run(folder: Path) -> dict[str, Any]:
    """Return what ``read_run`` does, of a run whose tables are those that its manifest knows.

    Raises:
        DataError: no run is there, or a file of it is not what it was.
    """
    found = read_run(folder)
    refuse_damage(folder, found)
    return found


def write_run(result: BacktestResult, root: Path) -> BacktestResult:
    """Write a run to ``root/NAME/RUN_ID``, point ``root/NAME/latest`` at it and return it with its
    folder.

    A process that dies on the way leaves the old run or the new one, never a part of either; what
    it was writing is removed by the next run of that name.

    Raises:
        DataError: the run cannot be written: the disk is full.
    """
    parent = root / result.config.name
    folder = parent / result.run_id
    try:
        parent.mkdir(parents=True, exist_ok=True)
        _clear(parent)
        with _workplace(parent, result.run_id) as made:
            _write_files(result, made, folder)
            _move(made, folder)
            _point(parent / "latest", made.with_name(f"{made.name}.link"), folder.name)
        if result.places:
            places = json.dumps(result.places, indent=2, sort_keys=True)
            replace_file(folder / PLACES, f"{places}\n".encode())
    except OSError as error:
        raise _not_written(Path(error.filename or folder), error) from error
    return replace(result, folder=folder)


def read_run(folder: Path) -> dict[str, Any]:
    """Read the tables of a run by name, its ``analyses``, ``metrics`` and ``manifest``.

    Raises:
        DataError: there is no run, or a file of it is missing, damaged or not what it should be.
    """
    kept = folder if folder.exists() else _old(folder)
    if not (kept / "manifest.json").is_file():
        raise DataError(
            f"no run was found in {folder}: it holds no manifest.json; expected runs/NAME/RUN_ID"
        )
    try:
        found: dict[str, Any] = {
            name: read_json(kept / f"{name}.json") for name in ("manifest", "metrics")
        }
        check_manifest(found["manifest"])
        check_metrics(found["metrics"])
        for name in tables_in(found["manifest"]):
            found[name] = parquet_table(kept / f"{name}.parquet")
        found[ANALYSES] = {
            name: parquet_table(kept / ANALYSES / f"{name}.parquet")
            for name in found["manifest"].get(ANALYSES, {})
        }
    except (OSError, ValueError, DataError) as error:
        raise DataError(
            f"{kept}: the run is damaged, a file is missing or cannot be read: {error}; run its "
            "configuration again"
        ) from error
    return found


def read_places(folder: Path) -> dict[str, str]:
    """Return where the paths lie that a run's manifest has names for, as far as this machine
    knows.
    """
    path = folder / PLACES
    if not path.is_file():
        return {}
    try:
        found = read_json(path)
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path}: cannot be read: {error}; it may be removed"
        ) from error
    if not isinstance(found, dict):
        raise DataError(
            f"{path}: found a {type(found).__name__}; expected names of paths with the paths; it "
            "may be removed"
        )
    return {str(name): str(place) for name, place in found.items()}


def _not_written(path: Path, error: OSError) -> DataError:
    return DataError(
        f"{path}: cannot be written: {error.strerror or error}; earlier runs are as they were; "
        "make room or choose another folder with --out, then repeat the command"
    )


def _clear(parent: Path) -> None:
    """Remove what processes that died have left among the runs of a name."""
    found = list(parent.iterdir())
    for path in found:
        left = _LEFT.fullmatch(path.name)
        if left is None:
            continue
        made = parent / f".{left['made']}"
        forget_dead(made, made.with_name(f"{made.name}.lock"), int(left["pid"]))
        if left["what"] == ".link" and not made.with_name(f"{made.name}.lock").exists():
            forget(path)
    for path in found:
        replaced = _REPLACED.fullmatch(path.name)
        if replaced is None:
            continue
        run_id = replaced["run"]
        # while one is being replaced its writer holds a lock; those of the dead are gone by now
        if (parent / run_id).is_dir() and not any(parent.glob(f".{run_id}.*.lock")):
            shutil.rmtree(path, ignore_errors=True)


@contextmanager
def _workplace(parent: Path, run_id: str) -> Iterator[Path]:
    """Yield a folder to make a run in, and hold a lock that tells others that its maker lives."""
    made = parent / f".{run_id}.{os.getpid()}"
    lock = made.with_name(f"{made.name}.lock")
    with ExitStack() as held:
        held.callback(forget, lock)
        # some file systems have no locks: then the number of the process must do
        with suppress(DataError):
            held.enter_context(locked(lock))
            # gone before it says nothing of its owner; Windows removes only what is released
            held.callback(forget, lock)
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir()
        held.callback(shutil.rmtree, made, ignore_errors=True)
        yield made


def _write_files(result: BacktestResult, made: Path, folder: Path) -> None:
    """Write and fsync every file of a run; the bytes follow from the content alone.

    ``folder`` is where it will lie, which an error names.
    """
    for name, table in result.tables.items():
        file = f"{name}.parquet"
        _write(made / file, folder / file, partial(_put_table, table))
    if result.analyses:
        (made / ANALYSES).mkdir()
    for name, table in result.analyses.items():
        file = f"{ANALYSES}/{name}.parquet"
        _write(made / file, folder / file, partial(_put_table, table))
    for name, value in (("metrics", result.metrics), ("manifest", result.manifest)):
        file = f"{name}.json"
        _write(made / file, folder / file, partial(_put_json, value))
    _sync_folder(made)


def _write(path: Path, final: Path, put: Callable[[IO[bytes]], None]) -> None:
    try:
        with path.open("wb") as file:
            put(file)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise _not_written(final, error) from error


def _put_table(table: pd.DataFrame, file: IO[bytes]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pandas(table), file, compression="zstd")


def _put_json(value: Any, file: IO[bytes]) -> None:
    text = json.dumps(
        value, sort_keys=True, indent=2, allow_nan=False, default=plain_json
    )
    file.write(f"{text}\n".encode())


def _move(made: Path, folder: Path) -> None:
    """Put a complete folder in its place. A folder cannot replace another in one step, so an old
    run is set aside under a name where ``read_run`` finds it; an equal one stays where it is, with
    its reports.
    """
    aside = _old(folder)
    if (
        aside.exists() and not folder.exists()
    ):  # a process died between the two renames below
        aside.rename(folder)
    if folder.exists():
        files = [new for new in made.rglob("*") if new.is_file()]
        pairs = [(new, folder / new.relative_to(made)) for new in files]
        if all(
            old.is_file() and old.read_bytes() == new.read_bytes() for new, old in pairs
        ):
            return
        shutil.rmtree(aside, ignore_errors=True)
        folder.rename(aside)
    made.rename(folder)
    _sync_folder(folder.parent)
    shutil.rmtree(aside, ignore_errors=True)


def _old(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.old")


def _point(link: Path, fresh: Path, target: str) -> None:
    """Let a symlink point at another name in its folder, in one step, by way of a ``fresh`` one."""
    forget(fresh)
    try:
        fresh.symlink_to(target)
    except (OSError, NotImplementedError) as error:
        if isinstance(error, OSError) and is_full(error):
            raise
        return  # a file system without symlinks has no ``latest``
    try:
        fresh.replace(link)
    finally:
        forget(fresh)


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return  # only POSIX opens folders
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
