"""The page on the first hour, followed to the letter by somebody with two files."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest
from kit.places import ROOT

from bt_run.cli.entry import main
from bt_run.data.calendars import exchange_sessions

PAGE = ROOT / "docs" / "first_hour.md"


def commands() -> list[str]:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    return [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]


def write_downloads(folder: Path) -> None:
    """Write two made histories as Tiingo writes its files."""
    sessions = exchange_sessions(
        "XNYS", np.datetime64("2007-01-03"), np.datetime64("2012-12-31")
    )
    rng = np.random.default_rng(6)
    folder.mkdir()
    for name, risk in (("SPY", 0.013), ("TLT", 0.008)):
        close = np.round(
            90 * np.exp(np.cumsum(rng.normal(0.0002, risk, len(sessions)))), 2
        )
        days = pd.Series(pd.DatetimeIndex(sessions)).dt.strftime(
            "%Y-%m-%dT00:00:00.000Z"
        )
        frame = pd.DataFrame(
            {"date": days, "close": close, "high": close, "low": close}
        )
        frame["open"] = close
        frame["volume"] = 1_000_000
        for field in ("Close", "High", "Low", "Open", "Volume"):
            frame[f"adj{field}"] = frame[field.lower()]
        frame["divCash"] = np.where(np.arange(len(days)) % 63 == 62, 0.4, 0.0)
        frame.assign(splitFactor=1.0).to_csv(folder / f"{name}.csv", index=False)


@pytest.fixture
def home(
    tmp_path: Path,
    files_of: Callable[[Path], dict[str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    write_downloads(tmp_path / "downloads")
    for name, text in files_of(PAGE).items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_nine_commands_bring_a_reader_from_two_files_to_a_workbook(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = commands()
    assert len(lines) == 9
    said = {}
    for line in lines:
        code = main(shlex.split(line)[1:])
        said[line] = capsys.readouterr().out
        # the vendor's columns are not ours, and the first command is there to say so
        assert code == (6 if line == lines[0] else 0), line
    page = PAGE.read_text(encoding="utf-8")
    shown = page.split("```text\n")[1].split("```")[0]
    assert shown in said[lines[0]]
    assert "divCash      dividend" in said[lines[1]]
    assert "source: {use: csv, path: downloads, vendor: tiingo}" in said[lines[1]]
    assert "sizer.weights.SPY" in said[lines[5]]
    assert (home / "variants.html").stat().st_size > 10_000
    assert "TLT" in said[lines[6]]
    sheet = openpyxl.load_workbook(home / "excel" / "run.xlsx")["fills"]
    assert sheet.max_row > 3
    for name in ("balanced", "yearly", "half"):
        assert f"{name}*" in said[lines[8]]


def test_bands_trade_less_than_a_calendar(home: Path) -> None:
    import bt_run

    bands = bt_run.run(bt_run.load_config("balanced.yaml"))
    plain = bt_run.run(bt_run.load_config("balanced.yaml", ["triggers=[]"]))
    assert len(bands.fills) < len(plain.fills) / 2
    weights = bands.decisions.set_index("asset")["target"]
    assert weights["SPY"].iloc[0] == pytest.approx(0.6)
    assert weights["TLT"].iloc[0] == pytest.approx(0.4)
