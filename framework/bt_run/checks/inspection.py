"""Whose code a run or a bundle would run, told without importing any of it."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from bt_run.catalogue import Catalogue
from bt_run.config.binding import Binding, Bound
from bt_run.config.portable_paths import with_places
from bt_run.config.run_config import RunConfig
from bt_run.errors import ConfigError, DataError
from bt_run.plugins import catalogue, get_plugin_manager
from bt_run.results.imports import local_code
from bt_run.results.opened_bundle import unpack
from bt_run.results.run_folder import read_places, read_run
from bt_run.results.sources import file_tree_hash, local_file_hash, used_code
from bt_run.text import listed

__all__ = [
    "CodeFile",
    "Inspection",
    "OpenedRun",
    "changed_entries",
    "inspect_run",
    "inspection_of",
    "opened_run",
    "refuse_to_run",
    "value_at",
]


@dataclass(frozen=True)
class CodeFile:
    """A file with code that a run brings along; its size is in bytes."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class OpenedRun:
    """A finished run that lies in a folder.

    Attributes:
        place: the folder or the bundle that the user named.
        packed: whether it is a bundle, so that its code came along with it.
        kept: its tables by name, its ``metrics`` and its ``manifest``.
        places: where the paths lie that its configuration names.
    """

    place: Path
    packed: bool
    kept: Mapping[str, Any]
    places: Mapping[str, str]

    @property
    def manifest(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.kept["manifest"]
        return found


@dataclass(frozen=True)
class Inspection:
    """What a run brings along, and what is another here than where it was made.

    Attributes:
        code: the files with code of its own, which would run.
        altered: sentences on files that are not those that the run recorded.
        differences: sentences on sources and versions that are others here.
    """

    place: Path
    run_id: str
    name: str
    code: tuple[CodeFile, ...]
    altered: tuple[str, ...]
    differences: tuple[str, ...]

    @property
    def text(self) -> str:
        """Return the findings in lines."""
        lines = [f"{self.place}: run {self.run_id} of {self.name}"]
        if self.code:
            lines.append("Python of its own, which would run with all your rights:")
        else:
            lines.append("no Python of its own")
        lines += [
            f"  {file.name}: {file.size:,} bytes, sha256 {file.sha256}"
            for file in self.code
        ]
        if self.altered:
            lines.append("not what the run recorded, so that nothing of it is run:")
            lines += [f"  {text}" for text in self.altered]
        if self.differences:
            lines.append("other here than where the run was made:")
            lines += [f"  {text}" for text in self.differences]
        else:
            lines.append("all else is installed here as it was there")
        return "\n".join(map(_printable, lines))


def inspect_run(place: Path) -> Inspection:
    """Say what a run's folder or bundle would run, and run nothing of it.

    Raises:
        DataError: there is no run, or the bundle is refused.
    """
    with opened_run(place) as opened:
        return inspection_of(opened)


@contextmanager
def opened_run(place: Path) -> Iterator[OpenedRun]:
    """Open a run's folder, or its bundle in a folder for the time."""
    if not place.is_file():
        yield OpenedRun(place, False, read_run(place), read_places(place))
        return
    with tempfile.TemporaryDirectory(prefix="bt-run-") as folder:
        run, places = unpack(place, Path(folder).resolve())
        try:
            kept = read_run(run)
        except DataError as error:
            # the folder will be gone when the sentence is read
            raise DataError(str(error).replace(str(run), str(place))) from error
        yield OpenedRun(place, True, kept, places)


def inspection_of(opened: OpenedRun) -> Inspection:
    """Say what an opened run would run."""
    manifest = opened.manifest
    config = _config_of(opened)
    files = list(dict.fromkeys(path.resolve() for path in config.plugins))
    lost = [path for path in files if not path.is_file()]
    if lost:
        raise DataError(f"{opened.place}: the plugin file {lost[0]} of the run is gone")
    return Inspection(
        place=opened.place,
        run_id=manifest["run_id"],
        name=config.name,
        code=tuple(_code_files(config.plugins, opened)),
        altered=(*_altered_plugins(files, manifest), *_altered_files(opened)),
        differences=tuple(_differences(config, files, manifest)),
    )


def refuse_to_run(found: Inspection) -> None:
    """Refuse code that nobody has agreed to run.

    Raises:
        ConfigError: always.
    """
    names = listed([file.name for file in found.code], most=3)
    raise ConfigError(
        f"{found.place}: holds Python of its own ({names}), and nobody was asked whether it may "
        "run here; `--inspect` shows it and runs nothing, `--yes` runs it"
    )


def changed_entries(was: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence for each entry that is another, was not there or is there no more."""
    for name in sorted(was.keys() | now.keys()):
        old, new = was.get(name, "not there"), now.get(name, "not there")
        if old != new:
            yield f"{name} was {old[:16]}, is {new[:16]}"


def value_at(config: Any, key: str) -> Any:
    """Return what stands at a dotted key of a configuration, or None."""
    value = config
    for part in key.split("."):
        if isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        elif isinstance(value, Mapping) and part in value:
            value = value[part]
        else:
            return None
    return value


def _config_of(opened: OpenedRun) -> RunConfig:
    try:
        return RunConfig.model_validate(
            with_places(opened.manifest["config"], opened.places)
        )
    except ConfigError as error:
        raise DataError(
            f"{opened.place}: the configuration of its run cannot be: {error}"
        ) from error


def _code_files(plugins: tuple[Path, ...], opened: OpenedRun) -> Iterator[CodeFile]:
    for number, plugin in enumerate(plugins):
        for name, file in sorted(local_code(plugin.resolve()).files.items()):
            content = file.read_bytes()
            shown = f"plugins/{number}/{name}" if opened.packed else str(file)
            yield CodeFile(shown, len(content), hashlib.sha256(content).hexdigest())


def _altered_plugins(files: list[Path], manifest: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence for each plugin file that is not the one that the run imported."""
    found = [local_file_hash(path) for path in files]
    in_order = manifest.get("plugins", found)
    if len(in_order) != len(found):
        yield f"{len(in_order)} plugin files were recorded, there are {len(found)}"
        return
    for path, now, was in zip(files, found, in_order, strict=True):
        known = manifest["sources"].get(path.name, "not there")
        if now not in known.split("+") or now != was:
            yield f"{path.name} was {(known if now == was else was)[:16]}, is {now[:16]}"


def _altered_files(opened: OpenedRun) -> Iterator[str]:
    """Yield a sentence for each file that a component names and that is another now."""
    for key, recorded in sorted(opened.manifest["files"].items()):
        name = value_at(opened.manifest["config"], key)
        place = Path(opened.places.get(name, name)) if isinstance(name, str) else None
        found = file_tree_hash(place) if place and place.exists() else "not there"
        if found != recorded:
            yield f"{key} was {recorded[:16]}, is {found[:16]}"


def _differences(
    config: RunConfig, files: list[Path], manifest: Mapping[str, Any]
) -> Iterator[str]:
    """Yield a sentence for each source and version that is another here, the run's own plugin
    files aside.
    """
    now = used_code(_installed_modules(config), files)
    own = {path.name for path in files}
    was = {k: v for k, v in manifest["sources"].items() if k not in own}
    here = {k: v for k, v in now.sources.items() if k not in own}
    yield from (f"source: {text}" for text in changed_entries(was, here))
    for text in changed_entries(manifest["versions"], now.versions):
        yield f"version: {text}"


def _installed_modules(config: RunConfig) -> list[ModuleType]:
    """Return the modules of the installed components that a configuration names.

    Those inside a component that is not installed are found by their names.
    """
    offers = catalogue(get_plugin_manager())
    binding = Binding(offers, {}, [])
    found = {**binding.children(config.data, ("data",)), **binding.children(config, ())}
    found.pop("reports", None)
    tables = [
        binding.children(table, ("data", "tables", name))
        for name, table in config.data.tables.items()
    ]
    modules = [m for children in (found, *tables) for m in _modules_of(children)]
    if binding.errors:
        modules += _modules_by_name(config.model_dump(exclude={"reports"}), offers)
    return modules


def _modules_of(
    children: Mapping[str, Bound | tuple[Bound, ...]],
) -> Iterator[ModuleType]:
    for value in children.values():
        for bound in value if isinstance(value, tuple) else (value,):
            yield bound.offer.module
            yield from _modules_of(bound.children)


def _modules_by_name(value: Any, offers: Catalogue) -> Iterator[ModuleType]:
    if isinstance(value, Mapping):
        for known in offers.offers.values():
            if value.get("use") in known:
                yield known[value["use"]].module
        for item in value.values():
            yield from _modules_by_name(item, offers)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _modules_by_name(item, offers)


def _printable(line: str) -> str:
    """Return a line that only shows: a stranger's words may hold orders to the terminal."""
    return "".join(sign if sign.isprintable() else "?" for sign in line)
