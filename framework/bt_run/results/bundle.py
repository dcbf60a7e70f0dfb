"""Pack a run into one file that repeats it elsewhere, and open such a file again."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from bt_run.errors import DataError
from bt_run.results.identity import source_hashes
from bt_run.results.run_folder import read_run

__all__ = ["pack_run", "unpack"]

RUN, CONTENTS = "run", "bundle.json"
EARLIEST = (1980, 1, 1, 0, 0, 0)  # what a zip file can say; the bytes must not depend on the clock


def pack_run(folder: Path, out: Path, *, with_data: bool = False) -> str:
    """Write the run in ``folder`` to the zip file ``out``, and return in words what it holds of the
    prices.

    Prices, tables and memberships go in only ``with_data``: whoever packs them says that their
    licence lets them be passed on.

    Raises:
        DataError: the folder holds no run, or a plugin, price or table file is gone or changed
            since.
    """
    manifest = read_run(folder)["manifest"]
    files = {
        f"{RUN}/{path.name}": path
        for path in sorted(folder.iterdir())
        if path.suffix in (".json", ".parquet")
    }
    moved: dict[str, str] = {}
    for number, file in enumerate(manifest["config"]["plugins"]):
        name = f"plugins/{number}/{Path(file).name}"
        _check_plugin(Path(file), manifest)
        files[name], moved[file] = Path(file), name
    where = manifest["config"]["data"]["source"].get("path")
    if with_data and where is not None:
        files |= _price_files(Path(where), manifest)
        moved[where] = "data" if Path(where).is_dir() else f"data/{Path(where).name}"
    for number, file in enumerate(_beside(manifest) if with_data else ()):
        files[f"tables/{number}/{Path(file).name}"] = Path(file)
        moved[file] = f"tables/{number}/{Path(file).name}"
    said = _said(manifest, where, with_data)
    contents = {
        "run_id": manifest["run_id"],
        "paths": moved,
        "data": manifest["data"],
        "prices": said,
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as bundle:
        _add(bundle, CONTENTS, json.dumps(contents, indent=2, sort_keys=True).encode() + b"\n")
        for name, path in sorted(files.items()):
            _add(bundle, name, path.read_bytes())
    return said


def unpack(bundle: Path, folder: Path) -> tuple[Path, Mapping[str, str]]:
    """Open a bundle in ``folder``; return the run's folder, and recorded path -> path now.

    Raises:
        DataError: the file is no bundle, or names files outside of itself.
    """
    try:
        with zipfile.ZipFile(bundle) as opened:
            for name in opened.namelist():
                if (
                    PurePosixPath(name).is_absolute()
                    or ".." in PurePosixPath(name).parts
                    or "\\" in name
                ):
                    raise DataError(
                        f"{bundle}: names {name!r}, a file outside of itself; it is not opened"
                    )
            opened.extractall(folder)
        contents = json.loads((folder / CONTENTS).read_text(encoding="utf-8"))
    except (zipfile.BadZipFile, FileNotFoundError, json.JSONDecodeError) as error:
        raise DataError(
            f"{bundle}: is no bundle of a run; expected a file that `bt-run bundle` wrote"
        ) from error
    return folder / RUN, {
        recorded: str(folder / name) for recorded, name in contents["paths"].items()
    }


def _check_plugin(path: Path, manifest: Mapping[str, Any]) -> None:
    """Refuse a plugin file that is not the one that ran."""
    from types import ModuleType

    if not path.is_file():
        raise DataError(f"the plugin file {path} of the run is gone; a bundle needs it")
    module = ModuleType(f"bundled_{path.stem}")
    module.__file__ = str(path)
    recorded = manifest["sources"].get(path.name)
    if recorded is not None and source_hashes([module])[path.name] not in recorded.split("+"):
        raise DataError(
            f"the plugin file {path} was changed since the run; run it again, then pack"
        )


def _price_files(path: Path, manifest: Mapping[str, Any]) -> dict[str, Path]:
    """Return the price files of the run's symbols: name in the bundle -> file."""
    if path.is_file():
        return {f"data/{path.name}": path}
    if not path.is_dir():
        raise DataError(f"the prices of the run at {path} are gone; pack without --with-data")
    data = manifest["config"]["data"]
    symbols = {*data["assets"].values(), data["assets"].get(data["benchmark"], data["benchmark"])}
    return {f"data/{file.name}": file for file in _sorted_files(path) if file.stem in symbols}


def _beside(manifest: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the files that stand beside the prices: tables and the universe.

    Raises:
        DataError: one of them is gone.
    """
    data = manifest["config"]["data"]
    named = [*data.get("tables", {}).values(), data.get("universe") or {}]
    found = tuple(item["file"] for item in named if item.get("file"))
    for file in found:
        if not Path(file).is_file():
            raise DataError(f"the table {file} of the run is gone; pack without --with-data")
    return found


def _sorted_files(path: Path) -> Iterator[Path]:
    yield from (file for file in sorted(path.iterdir()) if file.is_file())


def _said(manifest: Mapping[str, Any], where: str | None, with_data: bool) -> str:
    source = manifest["config"]["data"]["source"]["use"]
    mark = f"their fingerprint is {manifest['data'][:12]}"
    if where is None:
        return f"The prices are not inside: the source {source!r} brings them; {mark}."
    if with_data:
        return (
            f"The prices are inside, because --with-data says that their licence allows it; {mark}."
        )
    return (
        f"The prices are not inside, because nothing says that their licence allows it; {mark}. "
        "Whoever has them runs "
        "`bt-run reproduce BUNDLE --data PATH`."
    )


def _add(bundle: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, EARLIEST)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    bundle.writestr(entry, content)
