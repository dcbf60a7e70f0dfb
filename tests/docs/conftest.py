"""What the tests of the pages share."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest


def saved(path: Path) -> dict[str, str]:
    """Return the files that a page tells its reader to save: blocks whose first line is ``#
    NAME.py`` or ``.yaml``.
    """
    texts = re.findall(
        r"```(?:python|yaml)\n(# (\w+\.(?:py|yaml))\n.*?)```",
        path.read_text(encoding="utf-8"),
        re.S,
    )
    return {name: text for text, name in texts}


@pytest.fixture
def files_of() -> Callable[[Path], dict[str, str]]:
    return saved
