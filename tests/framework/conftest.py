"""A folder to configure a run in."""

from __future__ import annotations

from pathlib import Path

import pytest
from kit.configured import PLUGIN, RUN


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder with a plugin and a valid run.yaml, and stand in it."""
    (tmp_path / "plugin.py").write_text(PLUGIN)
    (tmp_path / "run.yaml").write_text(RUN)
    monkeypatch.chdir(tmp_path)
    return tmp_path
