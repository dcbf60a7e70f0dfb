"""Pack a run into one file that repeats it elsewhere, and open such a file again."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from bt_run.errors import DataError
from bt_run.results.run_folder import read_run
from bt_run.results.sources import file_tree_hash, local_file_hash

__all__ = ["pack_run", "unpack"]

RUN, CONTENTS = "run", "bundle.json"
EARLIEST = (
    1980,
    1,
    1,
    0,
    0,
    0,
)  # what a zip file can say; the bytes must not depend on the clock


@dataclass
class _Cargo:
    """What goes into a bundle: name there -> file, and recorded path -> name there."""

    files: dict[str, Path] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)

    def add(self, path: Path, name: str) -> None:
        """Add a file, or a folder with all that is in it, under ``name``."""
        self.moved[str(path)] = name
        if path.is_file():
            self.files[name] = path
            return
        for file in sorted(item for item in path.rglob("*") if item.is_file()):
            self.files[f"{name}/{file.relative_to(path).as_posix()}"] = file


def pack_run(folder: Path, out: Path, *, with_data: bool = False) -> str:
    """Write the run in ``folder`` to the zip file ``out``, and return in words what it holds.

    The files that components name are always inside. Prices, tables and memberships go in only
    ``with_data``: whoever packs them says that their licence lets them be passed on.

    Raises:
        DataError: the folder holds no run, or a plugin, price or other file is gone or changed.
    """
    manifest = read_run(folder)["manifest"]
    cargo = _Cargo()
    for path in sorted(folder.iterdir()):
        if path.suffix in (".json", ".parquet"):
            cargo.files[f"{RUN}/{path.name}"] = path
    _add_plugins(cargo, manifest)
    _add_outside_files(cargo, manifest)
    if with_data:
        _add_prices(cargo, manifest)
        _add_tables(cargo, manifest)
    said = _said(manifest, with_data)
    contents = {
        "run_id": manifest["run_id"],
        "paths": cargo.moved,
        "data": manifest["data"],
        "prices": said,
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as bundle:
        _write(
            bundle,
            CONTENTS,
            json.dumps(contents, indent=2, sort_keys=True).encode() + b"\n",
        )
        for name, path in sorted(cargo.files.items()):
            _write(bundle, name, path.read_bytes())
    return said


def unpack(bundle: Path, folder: Path) -> tuple[Path, Mapping[str, str]]:
    """Open a bundle in ``folder``; return the run's folder, and recorded path -> path now.

    Raises:
        DataError: the file is no bundle, or names files outside of itself.
    """
    try:
        with zipfile.ZipFile(bundle) as opened:
            for name in opened.namelist():
                _refuse_outside(bundle, name)
            opened.extractall(folder)
        contents = json.loads((folder / CONTENTS).read_text(encoding="utf-8"))
    except (zipfile.BadZipFile, FileNotFoundError, json.JSONDecodeError) as error:
        raise DataError(
            f"{bundle}: is no bundle of a run; expected a file that `bt-run bundle` wrote"
        ) from error
    moved = {
        recorded: str(folder / name) for recorded, name in contents["paths"].items()
    }
    return folder / RUN, moved


def _refuse_outside(bundle: Path, name: str) -> None:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name:
        raise DataError(
            f"{bundle}: names {name!r}, a file outside of itself; it is not opened"
        )


def _add_plugins(cargo: _Cargo, manifest: Mapping[str, Any]) -> None:
    for number, file in enumerate(manifest["config"]["plugins"]):
        path = Path(file)
        if not path.is_file():
            raise DataError(
                f"the plugin file {path} of the run is gone; a bundle needs it"
            )
        recorded = manifest["sources"].get(path.name)
        if recorded is not None and local_file_hash(path) not in recorded.split("+"):
            raise DataError(
                f"the plugin file {path} was changed since the run; run it again, then pack"
            )
        cargo.add(path, f"plugins/{number}/{path.name}")


def _add_outside_files(cargo: _Cargo, manifest: Mapping[str, Any]) -> None:
    for number, (key, recorded) in enumerate(sorted(manifest["files"].items())):
        path = Path(_value_at(manifest["config"], key))
        if not path.exists():
            raise DataError(f"{key}: {path} of the run is gone; a bundle needs it")
        if file_tree_hash(path) != recorded:
            raise DataError(
                f"{key}: {path} was changed since the run; run it again, then pack"
            )
        cargo.add(path, f"files/{number}/{path.name}")


def _value_at(config: Any, key: str) -> Any:
    """Return the value of a resolved configuration at a dotted key."""
    value = config
    for part in key.split("."):
        value = value[int(part)] if isinstance(value, list) else value[part]
    return value


def _add_prices(cargo: _Cargo, manifest: Mapping[str, Any]) -> None:
    """Add the price files of the run's symbols."""
    data = manifest["config"]["data"]
    where = data["source"].get("path")
    if where is None:
        return
    path = Path(where)
    if path.is_file():
        cargo.add(path, f"data/{path.name}")
        return
    if not path.is_dir():
        raise DataError(
            f"the prices of the run at {path} are gone; pack without --with-data"
        )
    given = [*dict(data["assets"]).values(), data["benchmark"]]
    symbols = {
        symbol
        for one in given
        for symbol in (one if isinstance(one, list | tuple) else [one])
    }
    for file in sorted(path.iterdir()):
        if file.is_file() and file.stem in symbols:
            cargo.files[f"data/{file.name}"] = file
    cargo.moved[where] = "data"


def _add_tables(cargo: _Cargo, manifest: Mapping[str, Any]) -> None:
    for number, file in enumerate(_table_files(manifest)):
        path = Path(file)
        if not path.is_file():
            raise DataError(
                f"the table {file} of the run is gone; pack without --with-data"
            )
        cargo.add(path, f"tables/{number}/{path.name}")


def _table_files(manifest: Mapping[str, Any]) -> Iterator[str]:
    """Yield the files that stand beside the prices: tables and the universe."""
    data = manifest["config"]["data"]
    for item in (*data.get("tables", {}).values(), data.get("universe") or {}):
        if item.get("file"):
            yield item["file"]


def _said(manifest: Mapping[str, Any], with_data: bool) -> str:
    """Say whether the prices are inside, and why."""
    source = manifest["config"]["data"]["source"]
    mark = f"their fingerprint is {manifest['data'][:12]}"
    if source.get("path") is None:
        return f"The prices are not inside: the source {source['use']!r} brings them; {mark}."
    if with_data:
        allowed = "because --with-data says that their licence allows it"
        return f"The prices are inside, {allowed}; {mark}."
    return (
        "The prices are not inside, because nothing says that their licence allows it; "
        f"{mark}. Whoever has them runs `bt-run reproduce BUNDLE --data PATH`."
    )


def _write(bundle: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, EARLIEST)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    bundle.writestr(entry, content)
