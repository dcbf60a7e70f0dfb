"""Draw ``report.png``, the top of the flagship example's page, with headless Chromium; run by
``make picture``.
"""

from __future__ import annotations

import base64
import os
import shutil
import tempfile
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

from bt_run import load_config, run, write_report

HERE = Path(__file__).resolve().parent
WIDTH, HEIGHT, SCALE = (
    1200,
    1900,
    0.7,
)  # pixels of the page, and how much smaller they are drawn
LARGEST = 300_000  # bytes


def main() -> None:
    options = Options()
    options.binary_location = (
        shutil.which("chromium") or shutil.which("google-chrome") or ""
    )
    for word in (
        "--headless=new",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--hide-scrollbars",
    ):
        options.add_argument(word)
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options.add_argument("--no-sandbox")  # Chromium refuses to run as root with one
    with tempfile.TemporaryDirectory() as folder:
        result = run(load_config(HERE.parents[1] / "examples" / "spy_qqq.yaml"))
        (page,) = write_report(result, "html", Path(folder))
        browser = webdriver.Chrome(
            options=options, service=Service(shutil.which("chromedriver"))
        )
        try:
            browser.set_window_size(WIDTH, 900)
            browser.get(page.as_uri())
            clip = {"x": 0, "y": 0, "width": WIDTH, "height": HEIGHT, "scale": SCALE}
            shot = browser.execute_cdp_cmd(
                "Page.captureScreenshot", {"captureBeyondViewport": True, "clip": clip}
            )
        finally:
            browser.quit()
    content = base64.b64decode(shot["data"])
    if len(content) > LARGEST:
        raise ValueError(
            f"the picture has {len(content):,} bytes; expected at most {LARGEST:,}"
        )
    (HERE / "report.png").write_bytes(content)


if __name__ == "__main__":
    main()
