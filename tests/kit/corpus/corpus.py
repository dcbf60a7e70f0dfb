"""Turn a case of the corpus into a run on the made market, whose files lie in a folder."""

from pathlib import Path

from kit import market as made

from bt_run import RunConfig

HERE = Path(__file__).parent


def write_market(folder: Path) -> Path:
    return made.write(made.market(), folder)


def case(folder: Path, plugin: str, name: str, parts: dict) -> RunConfig:
    """Return the run of a case: ``plugin`` is the file that offers its components."""
    parts = {"sizer": "equal_weight", "schedule": "bar"} | parts
    data = {
        "source": {"use": "parquet", "path": str(folder), "prices": "as_traded"},
        "assets": ["ALFA", "BRAVO", "CHARLIE", "DELTA", "ECHO", "FOXTROT"],
        "benchmark": "INDEX",
        "calendar": "24/5",
        "start": "2001-03-05",
        "end": "2003-12-31",
    }
    return RunConfig(
        name=name,
        plugins=[str(HERE / plugin)],
        data=data | parts.pop("data", {}),
        **parts,
    )
