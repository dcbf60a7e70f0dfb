"""The site builds without a warning, and its pages ask nobody else for anything."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from kit.places import ROOT


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    words = [
        "-W",
        "--keep-going",
        "-q",
        "-b",
        "html",
        "-d",
        folder / "trees",
        ROOT / "docs",
        folder / "html",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *words],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    return folder / "html"


def test_every_page_is_built(site: Path) -> None:
    for path in (ROOT / "docs").rglob("*.md"):
        assert (
            site / path.relative_to(ROOT / "docs").with_suffix(".html")
        ).is_file(), path.name


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    """A link in a sentence may lead out; a script, a style, a font or a picture may not."""
    for path in site.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        loaded = re.findall(
            r"<(?:script|img|iframe|source)\b[^>]*\bsrc=\"([^\"]*)\"", text
        )
        loaded += re.findall(r"<link\b[^>]*\bhref=\"([^\"]*)\"", text)
        assert not [
            address for address in loaded if re.match(r"(https?:)?//", address)
        ], path.name
    for path in site.rglob("*.css"):
        text = path.read_text(encoding="utf-8")
        assert not re.findall(
            r"(?:url\(['\"]?|@import ['\"])(?:https?:)?//[^)\"']+", text
        ), path.name


def test_the_pictures_name_no_font_and_load_nothing() -> None:
    text = (ROOT / "docs" / "images" / "way_of_the_data.svg").read_text(
        encoding="utf-8"
    )
    assert "@font-face" not in text
    assert "href" not in text
    assert "prefers-color-scheme: dark" in text


@pytest.mark.parametrize("page", ["index.html", "report.html"])
def test_the_page_of_the_example_is_made_with_the_site(site: Path, page: str) -> None:
    text = (site / page).read_text(encoding="utf-8")
    (target,) = set(re.findall(r'<a [^>]*href="(example_\w+\.html)"', text))
    made = (site / target).read_text(encoding="utf-8")
    assert "<title>spy_qqq" in made
    assert "123.44" in made
    # who reads the site has no use for where it was built
    assert str(ROOT) not in made
