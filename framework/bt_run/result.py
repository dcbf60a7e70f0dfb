"""What a run gives back, who it is, and how it is kept on disk."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from html import escape
from pathlib import Path
from types import ModuleType
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from bt_run.errors import DataError
from bt_run.metrics import COLUMNS, DEFINITIONS, HEADLINE, Metrics, format_metric, session_closes

if TYPE_CHECKING:
    import pandas as pd

    from bt_run.config import RunConfig

__all__ = [
    "TABLES",
    "BacktestResult",
    "Provenance",
    "build_manifest",
    "dependency_versions",
    "order_list_hash",
    "read_run",
    "run_identity",
    "source_hashes",
    "write_run",
]

TABLES = ("nav", "positions", "fills", "decisions", "memos", "cash_flows")
DISTRIBUTION = "bt-run"


@dataclass(frozen=True, kw_only=True, eq=False)
class BacktestResult:
    """Hold everything that a run found out. Times are UTC, money is in the account's currency.

    Attributes:
        nav: index ``time``; nav, cash, gross, net (fractions of NAV), benchmark, equal_weight, constant_mix.
            The first row is the close of the start, whose NAV is the cash.
        positions: time, asset, shares, price, value, stale: a row for each asset held.
        fills: decided_at, time, asset, asked, filled (signed shares), price (slippage included),
            commission, slippage (that money again, for information), reason.
        decisions: time, asset, signal, the weight after each stage, target, drifted, fired, reason.
        memos: time, component, memo, notes (JSON). cash_flows: time, asset, kind, amount.
        metrics: metric -> value for run, benchmark, equal_weight, constant_mix; None = not defined.
        notes: what a reader must know about the data, a sentence each.
        look_ahead: what the small look-ahead check of the run found, a sentence.
        timings: seconds by phase; never written to a file.
    """

    config: RunConfig
    run_id: str
    nav: pd.DataFrame
    positions: pd.DataFrame
    fills: pd.DataFrame
    decisions: pd.DataFrame
    memos: pd.DataFrame
    cash_flows: pd.DataFrame
    metrics: Metrics
    manifest: dict[str, Any]
    analyses: dict[str, pd.DataFrame] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    look_ahead: str = ""
    timings: dict[str, float] = field(default_factory=dict)
    folder: Path | None = None
    reports: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        for name in TABLES:
            object.__setattr__(self, name, _as_read(getattr(self, name)))

    @property
    def closes(self) -> pd.DataFrame:
        """Return the NAV table at each session's last bar, by session date, that bar's time in ``time``."""
        return session_closes(self.nav.assign(time=self.nav.index))

    @property
    def returns(self) -> pd.Series[float]:
        """Return daily returns of the NAV, one for each session after the start."""
        closes = session_closes(self.nav)["nav"]
        return (closes / closes.shift() - 1.0).iloc[1:].rename("returns")

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Return the tables by name, as they are written."""
        return {name: getattr(self, name) for name in TABLES}

    def summary(self) -> pd.DataFrame:
        """Return the headline metrics as text with units: a row for each, the run beside its yardsticks."""
        import pandas as pd

        rows = {
            DEFINITIONS[metric].label: [format_metric(metric, self.metrics[metric][name]) for name in COLUMNS]
            for metric in HEADLINE
            if metric in self.metrics
        }
        columns = [name.replace("_", " ") for name in COLUMNS]
        return pd.DataFrame.from_dict(rows, orient="index", columns=columns)

    def _repr_html_(self) -> str:
        """Show the run in a notebook: who it is, what the data are, the headline metrics."""
        first, last = self.nav.index[0], self.nav.index[-1]
        title = f"{self.config.name} · {first:%Y-%m-%d} to {last:%Y-%m-%d} · run {self.run_id}"
        told = "".join(f"<li>{escape(text)}</li>" for text in (*self.notes, *self.warnings))
        return f"<div><b>{escape(title)}</b><ul>{told}</ul>{self.summary().to_html(border=0)}</div>"

    def report(self, name: str, folder: Path | None = None) -> tuple[Path, ...]:
        """Write a report into ``folder``, or else beside the run's tables, and return its files."""
        from bt_run.reports import write_report

        return write_report(self, name, folder)


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Hold what a result follows from.

    ``config`` is the resolved configuration, plain JSON; ``fingerprint`` the sha256 of the data.
    """

    config: Mapping[str, Any]
    fingerprint: str
    sources: Mapping[str, str]
    versions: Mapping[str, str]
    seed: int


def run_identity(
    canonical: Mapping[str, Any], fingerprint: str, sources: Mapping[str, str], versions: Mapping[str, str]
) -> str:
    """Return the 12 hex digits that name a run: equal exactly where everything that affects it is equal."""
    parts = {"config": canonical, "data": fingerprint, "sources": sources, "versions": versions}
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), allow_nan=False, default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def source_hashes(modules: Iterable[ModuleType]) -> dict[str, str]:
    """Return the sha256 of the Python source behind each module and bt_run, by package name.

    A module in a package stands for all .py files of its top-level package. One without a file (a
    notebook's) has no source to hash: its value says so.
    """
    found: dict[str, set[str]] = {}
    for name, root in dict.fromkeys(map(_source_root, (sys.modules["bt_run"], *modules))):
        found.setdefault(name, set()).add(_tree_hash(root))
    return {name: "+".join(sorted(found[name])) for name in sorted(found)}  # lone files may share a name


def dependency_versions(modules: Iterable[ModuleType]) -> dict[str, str]:
    """Return the versions of bt-run, of the distributions that own the modules, and of what these declare.

    What is not installed as a distribution, or declared only for an extra, is left out.
    """
    from importlib.metadata import PackageNotFoundError, distribution

    found: dict[str, str] = {}
    for owner in sorted(_owners({module.__name__.partition(".")[0] for module in modules})):
        with suppress(PackageNotFoundError):
            owned = distribution(owner)
            found[_normal(owner)] = owned.version
            for requirement in owned.requires or ():
                name = re.match(r"[\w.-]+", requirement)
                if name and "extra ==" not in requirement:
                    with suppress(PackageNotFoundError):  # its marker is for another platform
                        found[_normal(name[0])] = distribution(name[0]).version
    return dict(sorted(found.items()))


def order_list_hash(fills: pd.DataFrame) -> str:
    """Return the sha256 of who was asked for and filled when, shares to 9 significant digits.

    It is equal on every machine, where the hashes of the tables are equal on equal wheels only.
    """
    digest = hashlib.sha256()
    columns = (fills[name] for name in ("decided_at", "time", "asset", "asked", "filled"))
    for decided, time, asset, asked, filled in zip(*columns, strict=True):
        times = ["" if at != at else at.isoformat() for at in (decided, time)]  # NaT differs from itself
        line = (*times, asset, f"{asked + 0.0:.9g}", f"{filled + 0.0:.9g}")
        digest.update(("\t".join(line) + "\n").encode())
    return digest.hexdigest()


def build_manifest(
    run_id: str, provenance: Provenance, tables: Mapping[str, pd.DataFrame], notes: Sequence[str]
) -> dict[str, Any]:
    """Return what a third person needs to repeat a run and to see that it is the same."""
    return {
        "run_id": run_id,
        "config": dict(provenance.config),
        "data": provenance.fingerprint,
        "sources": dict(provenance.sources),
        "versions": dict(provenance.versions),
        "seed": provenance.seed,
        "python": platform.python_version(),
        "orders": order_list_hash(tables["fills"]),
        "tables": {name: _content_hash(table) for name, table in tables.items()},
        "notes": list(notes),
    }


def write_run(result: BacktestResult, root: Path) -> BacktestResult:
    """Write a run to ``root/NAME/RUN_ID``, point ``root/NAME/latest`` at it and return it with its folder.

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
    import pandas as pd

    kept = folder if folder.exists() else _old(folder)
    if not (kept / "manifest.json").is_file():
        raise DataError(f"no run was found in {folder}: it holds no manifest.json; expected runs/NAME/RUN_ID")
    try:
        found: dict[str, Any] = {name: pd.read_parquet(kept / f"{name}.parquet") for name in TABLES}
        for name in ("metrics", "manifest"):
            found[name] = json.loads((kept / f"{name}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{kept}: the run is damaged, a file is missing or cannot be read: {error}") from error
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
            json.dump(value, file, sort_keys=True, indent=2, allow_nan=False, default=_plain)
            file.write("\n")
            _sync(file)
    _sync_folder(folder)


def _move(made: Path, folder: Path) -> None:
    """Put a complete folder in its place. A folder cannot replace another in one step, so an old run is set
    aside under a name where ``read_run`` finds it; an equal one stays where it is, with its reports."""
    aside = _old(folder)
    if aside.exists() and not folder.exists():  # a process died between the two renames below
        aside.rename(folder)
    if folder.exists():
        pairs = [(new, folder / new.name) for new in made.iterdir()]
        if all(old.is_file() and old.read_bytes() == new.read_bytes() for new, old in pairs):
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


def _as_read(table: pd.DataFrame) -> pd.DataFrame:
    """Give text the type that it has when it is read back from a file."""
    import pandas as pd

    texts = [name for name in table.columns if pd.api.types.is_object_dtype(table[name])]
    return table.assign(**{str(name): pd.Series(table[name].tolist(), index=table.index) for name in texts})


def _content_hash(table: pd.DataFrame) -> str:
    """Return the sha256 of a table's names and values, whatever pandas calls their types."""
    import pandas as pd

    digest = hashlib.sha256()
    frame = table if isinstance(table.index, pd.RangeIndex) else table.reset_index()
    for name in frame.columns:
        values = frame[name]
        if pd.api.types.is_datetime64_any_dtype(values):
            data = pd.DatetimeIndex(values).as_unit("ns").asi8.astype("<i8")
        elif pd.api.types.is_numeric_dtype(values):
            data = values.to_numpy(dtype="<f8") + 0.0  # no -0.0
            data[np.isnan(data)] = np.nan
        else:
            codes, words = pd.factorize(values)  # in order of appearance; missing is -1
            digest.update(json.dumps([str(word) for word in words]).encode())
            data = codes.astype("<i8")
        digest.update(json.dumps([str(name), len(data)]).encode())
        digest.update(np.ascontiguousarray(data).tobytes())
    return digest.hexdigest()


def _plain(value: Any) -> Any:
    """Turn into JSON what numpy and dates put into a mapping."""
    if isinstance(value, np.generic):
        return value.item()
    if hasattr(value, "isoformat"):
        return value.isoformat()
    raise TypeError(f"{value!r} is a {type(value).__name__}; expected plain JSON values or a date")


def _source_root(module: ModuleType) -> tuple[str, Path | None]:
    """Return the name and place of the outermost regular package that holds a module, or of its own file.

    A lone file is named after itself: the name of its module may come from the folder that it lies in.
    """
    parts = module.__name__.split(".")
    for count in range(1, len(parts) + 1):
        package = sys.modules.get(".".join(parts[:count]))
        file = getattr(package, "__file__", None)
        if file and hasattr(package, "__path__"):  # a namespace package has no file
            return ".".join(parts[:count]), Path(file).parent
    own = getattr(module, "__file__", None)
    return (Path(own).name, Path(own)) if own else (module.__name__, None)


def _tree_hash(root: Path | None) -> str:
    if root is None:
        return "no source file"
    files = [root] if root.is_file() else sorted(root.rglob("*.py"))
    names = [root.name] if root.is_file() else [file.relative_to(root).as_posix() for file in files]
    digest = hashlib.sha256()
    for name, file in sorted(zip(names, files, strict=True)):
        content = file.read_bytes()
        digest.update(f"{name}\n{len(content)}\n".encode() + content)
    return digest.hexdigest()


def _owners(packages: set[str]) -> set[str]:
    """Return the distributions that own top-level packages, and bt-run."""
    from importlib.metadata import PackageNotFoundError, distribution, packages_distributions

    with suppress(PackageNotFoundError):
        ours = distribution(DISTRIBUTION).read_text("top_level.txt") or ""
        packages = packages - set(ours.split())
    if not packages:
        return {DISTRIBUTION}
    owned = packages_distributions()  # slow, and only strangers need it
    return {DISTRIBUTION, *(name for package in packages for name in owned.get(package, ()))}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
