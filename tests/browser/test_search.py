"""A reader who types a question into the search of the documents finds the answer on the first
page of the results.
"""

import os
import shutil
import subprocess
import sys
from urllib.parse import quote

import pytest
from kit.places import ROOT

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")

pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER),
    reason="no Chromium with its driver: apt-get install chromium chromium-driver",
)

# what a stranger asks, and what the answer holds
QUESTIONS = (
    ("year in a strategy", "now.year"),
    ("read a finished run", "load_result"),
    ("fixed weights", "fixed_weights"),
    ("run a grid", ".changed("),
    ("attach Backtrader analyzers", "analyzers=watching"),
)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    words = [sys.executable, "-m", "sphinx", "-q", "-b", "html", ROOT / "docs", folder]
    subprocess.run(words, check=True, cwd=ROOT, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def browser():
    from selenium import webdriver
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service

    options = Options()
    options.binary_location = CHROMIUM
    options.add_argument("--headless=new")
    options.add_argument("--allow-file-access-from-files")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options.add_argument("--no-sandbox")  # Chromium refuses to run as root with one
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    yield driver
    driver.quit()


@pytest.mark.slow
@pytest.mark.parametrize(("question", "answer"), QUESTIONS)
def test_the_first_result_holds_the_answer(site, browser, question, answer):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    browser.get(f"{(site / 'search.html').as_uri()}?q={quote(question)}")
    found = WebDriverWait(browser, 20).until(
        lambda page: page.find_elements(By.CSS_SELECTOR, "#search-results li a")
    )
    browser.get(found[0].get_attribute("href"))
    assert answer in browser.find_element(By.TAG_NAME, "body").text
