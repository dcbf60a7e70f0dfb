"""Turn a case of the corpus into a run on the made market, whose files lie in a folder."""

import importlib.util
from pathlib import Path

from bt_run import RunConfig

HERE = Path(__file__).parent


def module(path: Path):
    spec = importlib.util.spec_from_file_location(f"corpus_{path.stem}", path)
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def write_market(folder: Path) -> Path:
    made = module(HERE.parent / "acceptance" / "market.py")
    return made.write(made.market(), folder)


def case(folder: Path, plugin: str, name: str, parts: dict) -> RunConfig:
    """Return the run of a case: ``plugin`` is the file that offers its components."""
    parts = {"sizer": "equal_weight", "schedule": "bar"} | parts
    data = {
        "source": {"use": "parquet", "path": str(folder), "prices": "as_traded"},
        "assets": ["ALFA", "BRAVO", "CHARLIE", "DELTA", "ECHO", "FOXTROT"],
        "benchmark": "INDEX",
        "start": "2001-03-05",
        "end": "2003-12-31",
    }
    return RunConfig(name=name, plugins=[str(HERE / plugin)], data=data | parts.pop("data", {}), **parts)
