"""A run on disk: written in one step, read back."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from bt_run.config.run_config import RunConfig
from bt_run.data.parquet_files import parquet_table
from bt_run.errors import DataError
from bt_run.results.damage import refuse_damage
from bt_run.results.identity import plain_json
from bt_run.results.result import TABLES, BacktestResult

__all__ = ["intact_run", "load_result", "read_run", "write_run"]


def load_result(folder: Path) -> BacktestResult:
    """Read a finished run back as a result.

    Raises:
        DataError: no run is there, or a file of it is not what it was.
    """
    found = intact_run(folder)
    manifest = found["manifest"]
    return BacktestResult(
        config=RunConfig.model_validate(manifest["config"]),
        run_id=manifest["run_id"],
        **{name: found[name] for name in TABLES},
        metrics=found["metrics"],
        manifest=manifest,
        notes=tuple(manifest["notes"]),
        folder=folder,
    )


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

    A process that dies on the way leaves the old run or the new one, never a part of either.
    """
    parent = root / result.config.name
    parent.mkdir(parents=True, exist_ok=True)
    made = parent / f".{result.run_id}.{os.getpid()}"
    shutil.rmtree(made, ignore_errors=True)  # left by a process that died
    made.mkdir()
    try:
        _write_files(result, made)
        _move(made, parent / result.run_id)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    _point(parent / "latest", result.run_id)
    return replace(result, folder=parent / result.run_id)


def read_run(folder: Path) -> dict[str, Any]:
    """Read the tables of a run by name, its ``metrics`` and its ``manifest``."""
    kept = folder if folder.exists() else _old(folder)
    if not (kept / "manifest.json").is_file():
        raise DataError(
            f"no run was found in {folder}: it holds no manifest.json; expected runs/NAME/RUN_ID"
        )
    try:
        found: dict[str, Any] = {
            name: parquet_table(kept / f"{name}.parquet") for name in TABLES
        }
        for name in ("metrics", "manifest"):
            found[name] = json.loads(
                (kept / f"{name}.json").read_text(encoding="utf-8")
            )
    except (OSError, ValueError, DataError) as error:
        raise DataError(
            f"{kept}: the run is damaged, a file is missing or cannot be read: {error}"
        ) from error
    return found


def _write_files(result: BacktestResult, folder: Path) -> None:
    """Write and fsync every file of a run; the bytes follow from the content alone."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    for name, table in result.tables.items():
        with open(folder / f"{name}.parquet", "wb") as file:
            pq.write_table(pa.Table.from_pandas(table), file, compression="zstd")
            _sync(file)
    for name, value in (("metrics", result.metrics), ("manifest", result.manifest)):
        with open(folder / f"{name}.json", "w", encoding="utf-8", newline="\n") as file:
            json.dump(
                value,
                file,
                sort_keys=True,
                indent=2,
                allow_nan=False,
                default=plain_json,
            )
            file.write("\n")
            _sync(file)
    _sync_folder(folder)


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
        pairs = [(new, folder / new.name) for new in made.iterdir()]
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


def _point(link: Path, target: str) -> None:
    """Let a symlink point at another name in its folder, in one step."""
    with tempfile.TemporaryDirectory(prefix=".latest.", dir=link.parent) as folder:
        fresh = Path(folder) / "link"
        try:
            fresh.symlink_to(target)
        except (OSError, NotImplementedError):
            return  # a file system without symlinks has no ``latest``
        fresh.replace(link)


def _sync(file: IO[Any]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return  # only POSIX opens folders
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
