"""Pack a run into one file that repeats it elsewhere."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bt_run.atomic import is_full, replace_file
from bt_run.errors import DataError
from bt_run.results.imports import local_code
from bt_run.results.opened_bundle import (
    CONTENTS,
    DATA,
    FILES,
    PLUGINS,
    RUN,
    TABLES_OF_DATA,
    bulk,
    is_inside,
)
from bt_run.results.run_folder import ANALYSES, PLACES, read_places, read_run
from bt_run.results.sources import file_tree_hash, local_file_hash

__all__ = ["pack_run"]

# what a zip file can say; the bytes must not depend on the clock
EARLIEST = (1980, 1, 1, 0, 0, 0)


@dataclass
class _Cargo:
    """What goes into a bundle: name there -> file, and name in the manifest -> name there.

    ``places`` says where the paths lie that the manifest names.
    """

    places: Mapping[str, str]
    files: dict[str, Path] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)

    def place(self, name: str) -> Path:
        """Return where a path lies that the manifest names."""
        return Path(self.places.get(name, name))

    def add(self, recorded: str, inside: str) -> None:
        """Add a file, or a folder with all that is in it, under the name ``inside``."""
        self.moved[recorded] = inside
        path = self.place(recorded)
        if path.is_file():
            self.files[inside] = path
            return
        for file in sorted(item for item in path.rglob("*") if item.is_file()):
            self.files[f"{inside}/{file.relative_to(path).as_posix()}"] = file

    def add_plugin(self, recorded: str, folder: str) -> None:
        """Add a plugin file with what it imports from beside it."""
        path = self.place(recorded)
        self.moved[recorded] = f"{folder}/{path.name}"
        for name, file in local_code(path).files.items():
            self.files[f"{folder}/{name}"] = file


def pack_run(folder: Path, out: Path, *, with_data: bool = False) -> str:
    """Write the run in ``folder`` to the zip file ``out``, and return in words what it holds.

    The files that components name are always inside. Prices, tables and memberships go in only
    ``with_data``: whoever packs them says that their licence lets them be passed on.

    Raises:
        DataError: the folder holds no run, a plugin, price or other file is gone or changed, or the
            disk is full.
    """
    manifest = read_run(folder)["manifest"]
    cargo = _Cargo(read_places(folder))
    for path in sorted(folder.iterdir()):
        if path.suffix in (".json", ".parquet") and path.name != PLACES:
            cargo.files[f"{RUN}/{path.name}"] = path
    for path in sorted(folder.glob(f"{ANALYSES}/*.parquet")):
        cargo.files[f"{RUN}/{ANALYSES}/{path.name}"] = path
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
    text = json.dumps(contents, indent=2, sort_keys=True)
    for name in cargo.files:
        if not is_inside(name):
            raise DataError(f"{name!r} cannot be named in a bundle; rename the file")
    packed = _zipped({CONTENTS: text.encode() + b"\n"}, cargo.files)
    unpacked = sum(path.stat().st_size for path in cargo.files.values())
    too_much = bulk(unpacked, len(packed))
    if too_much:
        raise DataError(f"{out}: {too_much}; it is not packed")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        replace_file(out, packed)
    except OSError as error:
        if not is_full(error):
            raise
        raise DataError(
            f"{out}: cannot be written: {error.strerror}; make room, then pack again"
        ) from error
    return said


def _add_plugins(cargo: _Cargo, manifest: Mapping[str, Any]) -> None:
    for number, file in enumerate(manifest["config"]["plugins"]):
        path = cargo.place(file)
        if not path.is_file():
            raise DataError(
                f"the plugin file {path} of the run is gone; a bundle needs it"
            )
        recorded = manifest["sources"].get(path.name, "")
        if local_file_hash(path) not in recorded.split("+"):
            raise DataError(
                f"the plugin file {path} was changed since the run; run it again, then pack"
            )
        cargo.add_plugin(file, f"{PLUGINS}/{number}")


def _add_outside_files(cargo: _Cargo, manifest: Mapping[str, Any]) -> None:
    for number, (key, recorded) in enumerate(sorted(manifest["files"].items())):
        name = _value_at(manifest["config"], key)
        path = cargo.place(name)
        if not path.exists():
            raise DataError(f"{key}: {path} of the run is gone; a bundle needs it")
        if file_tree_hash(path) != recorded:
            raise DataError(
                f"{key}: {path} was changed since the run; run it again, then pack"
            )
        cargo.add(name, f"{FILES}/{number}/{path.name}")


def _value_at(config: Any, key: str) -> Any:
    """Return the value of a resolved configuration at a dotted key."""
    value = config
    for part in key.split("."):
        value = value[int(part)] if isinstance(value, list) else value[part]
    return value


def _add_prices(cargo: _Cargo, manifest: Mapping[str, Any]) -> None:
    """Add the price files of the run's symbols."""
    data = manifest["config"]["data"]
    given = [*dict(data["assets"]).values(), data["benchmark"]]
    symbols = {
        symbol
        for one in given
        for symbol in (one if isinstance(one, list | tuple) else [one])
    }
    sources = sources_of(data)
    for number, source in enumerate(sources):
        where = source.get("path")
        if where is None:
            continue
        folder = DATA if len(sources) == 1 else f"{DATA}/{number}"
        path = cargo.place(where)
        if path.is_file():
            cargo.add(where, f"{folder}/{path.name}")
            continue
        if not path.is_dir():
            raise DataError(
                f"the prices of the run at {path} are gone; pack without --with-data"
            )
        for file in _price_files(path, source.get("files") or "", symbols):
            cargo.files[f"{folder}/{file.name}"] = file
        cargo.moved[where] = folder


def _price_files(path: Path, pattern: str, symbols: set[str]) -> Iterator[Path]:
    """Yield the files of a folder that hold prices of the symbols; ``pattern`` names them."""
    usual = ("", ".csv", ".csv.gz", ".csv.zip", ".parquet")
    names = {
        pattern.replace("{symbol}", symbol) if pattern else f"{symbol}{ending}"
        for symbol in symbols
        for ending in usual
    }
    parts = bool(pattern) and "{symbol}" not in pattern
    for file in sorted(path.iterdir()):
        chosen = file.match(pattern) if parts else file.name in names
        if chosen and file.is_file():
            yield file


def sources_of(data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the sources that the data of a resolved configuration name, one or several."""
    given = data["source"]
    return list(given) if isinstance(given, list) else [given]


def _add_tables(cargo: _Cargo, manifest: Mapping[str, Any]) -> None:
    for number, file in enumerate(_table_files(manifest)):
        path = cargo.place(file)
        if not path.is_file():
            raise DataError(
                f"the table {path} of the run is gone; pack without --with-data"
            )
        cargo.add(file, f"{TABLES_OF_DATA}/{number}/{path.name}")


def _table_files(manifest: Mapping[str, Any]) -> Iterator[str]:
    """Yield the files that stand beside the prices: tables and the universe."""
    data = manifest["config"]["data"]
    for item in (*data.get("tables", {}).values(), data.get("universe") or {}):
        if item.get("file"):
            yield item["file"]


def _said(manifest: Mapping[str, Any], with_data: bool) -> str:
    """Say whether the prices are inside, and why."""
    sources = sources_of(manifest["config"]["data"])
    mark = f"their fingerprint is {manifest['data'][:12]}"
    if all(source.get("path") is None for source in sources):
        names = ", ".join(source["use"] for source in sources)
        return f"The prices are not inside: the source {names!r} brings them; {mark}."
    if with_data:
        allowed = "because --with-data says that their licence allows it"
        return f"The prices are inside, {allowed}; {mark}."
    places = sum(source.get("path") is not None for source in sources)
    repeat = "Whoever has them runs `bt-run reproduce BUNDLE --data PATH`"
    if places > 1:
        repeat = f"They lie in {places} places, so that only `--with-data` lets others repeat it"
    return (
        "The prices are not inside, because nothing says that their licence allows it; "
        f"{mark}. {repeat}."
    )


def _zipped(texts: Mapping[str, bytes], files: Mapping[str, Path]) -> bytes:
    """Return an archive; its bytes follow from what is in it alone."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, content in texts.items():
            _write(bundle, name, content)
        for name, path in sorted(files.items()):
            _write(bundle, name, path.read_bytes())
    return packed.getvalue()


def _write(bundle: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, EARLIEST)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    bundle.writestr(entry, content)
