"""The runs that lie in a folder: which there are, what they gave, and how large they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bt_run.errors import ConfigError, DataError
from bt_run.results.stored_json import check_manifest, check_metrics, read_json

__all__ = ["ListedRun", "find_run", "listed_runs"]


@dataclass(frozen=True)
class ListedRun:
    """A run on disk, as its manifest and metrics tell of it.

    Attributes:
        latest: it is the newest of its name.
        size: bytes of all its files.
        manifest, metrics: as they are kept; None where they cannot be read.
        damage: why they cannot be.
    """

    folder: Path
    latest: bool
    size: int
    manifest: dict[str, Any] | None = None
    metrics: dict[str, Any] | None = None
    damage: str = ""

    @property
    def name(self) -> str:
        return self.folder.parent.name

    @property
    def run_id(self) -> str:
        return self.folder.name


def listed_runs(root: Path) -> tuple[ListedRun, ...]:
    """Return the runs below ``root``, by name, the newest first.

    Raises:
        ConfigError: there is no such folder.
    """
    if not root.is_dir():
        raise ConfigError(f"{root}: no such folder; runs are in the one of `--out`")
    found = list(_runs(root))
    return tuple(sorted(found, key=_by_name_newest_first))


def find_run(root: Path, name: str) -> Path:
    """Return the folder of a run: a path, ``NAME`` for its newest, ``NAME/ID``, or an id's first
    letters.

    Raises:
        ConfigError: there is none, or several have these letters.
    """
    for place in (Path(name), root / name):
        if (place / "manifest.json").is_file():
            return place.resolve()
        if (place / "latest" / "manifest.json").is_file():
            return (place / "latest").resolve()
    start = name.rpartition("/")[2]
    runs = listed_runs(root)
    named = [run.folder for run in runs if run.name == name]
    if named:
        return named[0]  # without its `latest`, the newest by its files
    alike = [run.folder for run in runs if start and run.run_id.startswith(start)]
    if len(alike) == 1:
        return alike[0]
    if alike:
        several = ", ".join(f"{path.parent.name}/{path.name}" for path in alike)
        raise ConfigError(f"{name}: several runs begin so: {several}; expected one")
    names = ", ".join(dict.fromkeys(run.name for run in runs)) or "none"
    raise ConfigError(f"{name}: no such run in {root}; found {names}")


def _runs(root: Path) -> Iterator[ListedRun]:
    for parent in sorted(root.iterdir()):
        if not parent.is_dir():
            continue
        link = parent / "latest"
        newest = link.resolve().name if link.exists() else ""
        for folder in sorted(parent.iterdir()):
            # what begins with a dot is being written, or was left by a process that died
            if (
                folder.name.startswith(".")
                or folder.is_symlink()
                or not folder.is_dir()
            ):
                continue
            if not (folder / "manifest.json").exists():
                continue
            yield _listed(folder, folder.name == newest)


def _listed(folder: Path, latest: bool) -> ListedRun:
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    try:
        manifest = read_json(folder / "manifest.json")
        check_manifest(manifest)
        metrics = read_json(folder / "metrics.json")
        check_metrics(metrics)
    except (OSError, ValueError, DataError) as error:
        return ListedRun(folder, latest, size, damage=str(error))
    return ListedRun(folder, latest, size, manifest, metrics)


def _by_name_newest_first(run: ListedRun) -> tuple[str, bool, float]:
    written = (run.folder / "manifest.json").stat().st_mtime
    return run.name, not run.latest, -written
