"""The page in a real browser: Debian's headless Chromium, at two widths, light and dark."""

import json
import os
import shutil
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
from kit.kinds import KINDS
from kit.places import EXAMPLES

from bt_run import load_config, run
from bt_run_plugins.reports.html.report import HtmlReport

CHROMIUM = (
    shutil.which("chromium")
    or shutil.which("chromium-browser")
    or shutil.which("google-chrome")
)
DRIVER = shutil.which("chromedriver")
LOOKS = [(width, scheme) for width in (1440, 390) for scheme in ("light", "dark")]
WHOLE = ((1440, "light"), (390, "dark"))

# rules of the checker about what differs from run to run, those that take little time
STRUCTURE = [
    *("landmark-unique", "duplicate-id", "duplicate-id-aria", "heading-order"),
    *("empty-heading", "svg-img-alt", "image-alt", "label", "aria-valid-attr-value"),
]

pytestmark = [
    pytest.mark.skipif(
        not (CHROMIUM and DRIVER),
        reason="no Chromium with its driver: apt-get install chromium chromium-driver",
    ),
]


@pytest.fixture(scope="module")
def flagship(run_of_kind):
    return run_of_kind("flagship")


@pytest.fixture(scope="module")
def url(tmp_path_factory, flagship):
    folder = tmp_path_factory.mktemp("page")
    (path,) = HtmlReport().write(flagship, folder)
    return path.as_uri()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    from selenium import webdriver
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service

    options = Options()
    options.binary_location = CHROMIUM
    profile = tmp_path_factory.mktemp("profile")
    words = [
        "--headless=new",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
        f"--user-data-dir={profile}",
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        words.append("--no-sandbox")  # Chromium refuses to run as root with one
    for word in words:
        options.add_argument(word)
    options.set_capability(
        "goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"}
    )
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    # a window that nobody looks at has no focus
    driver.execute_cdp_cmd("Emulation.setFocusEmulationEnabled", {"enabled": True})
    driver.set_script_timeout(120)  # the checker takes its time on a loaded machine
    yield driver
    driver.quit()


def show(browser, url, width=1440, scheme="light"):
    """Open the page at a width and in a colour scheme."""
    metrics = {
        "width": width,
        "height": 900,
        "deviceScaleFactor": 1,
        "mobile": width < 500,
    }
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    browser.get(url)


def requests(browser):
    """Return the addresses that were asked for since the last call."""
    events = [
        json.loads(entry["message"])["message"]
        for entry in browser.get_log("performance")
    ]
    return [
        e["params"]["request"]["url"]
        for e in events
        if e["method"] == "Network.requestWillBeSent"
    ]


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_page_is_quiet_and_fits(browser, url, width, scheme):
    requests(browser)
    show(browser, url, width, scheme)
    assert browser.get_log("browser") == []
    assert {
        address for address in requests(browser) if not address.startswith("data:")
    } == {url}
    assert (
        browser.execute_script("return document.documentElement.scrollWidth") <= width
    )
    shade = browser.execute_script(
        "return getComputedStyle(document.body).backgroundColor"
    )
    assert (sum(map(int, shade[4:-1].split(","))) < 200) == (scheme == "dark")
    sizes = browser.execute_script(
        "return [...document.querySelectorAll('svg')].filter(s => s.offsetParent !== null || "
        "s.getBBox().width)"
        ".map(s => s.getBoundingClientRect()).filter(r => r.width).map(r => [r.width, r.height])"
    )
    assert len(sizes) >= 10
    assert all(w > 200 and h > 100 for w, h in sizes)


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_accessibility_checker_finds_nothing(browser, url, width, scheme):
    show(browser, url, width, scheme)
    # what the other two looks can still get wrong are the colours
    rules = {} if (width, scheme) in WHOLE else {"runOnly": ["color-contrast"]}
    assert faults_of_axe(browser, rules) == []


def faults_of_axe(browser, rules):
    """Return what axe finds on the page that is shown: rule, an element, how many there are."""
    import axe_core_python

    script = (Path(axe_core_python.__file__).parent / "axe.min.js").read_text(
        encoding="utf-8"
    )
    browser.execute_script(script)
    found = browser.execute_async_script(
        "axe.run(document, arguments[0]).then(arguments[1])", rules
    )
    assert len(found["passes"]) >= (1 if "runOnly" in rules else 15)
    return [
        (item["id"], item["nodes"][0]["html"][:200], len(item["nodes"]))
        for item in found["violations"]
    ]


# -- every kind of run -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def url_of_kind(tmp_path_factory, run_of_kind):
    """Return a function that writes the page of a run of a kind, each once."""

    @cache
    def write(kind):
        (path,) = HtmlReport().write(run_of_kind(kind), tmp_path_factory.mktemp(kind))
        return path.as_uri()

    return write


SHIFTS = """
window.shifted = 0;
new PerformanceObserver((found) => {
  for (const entry of found.getEntries()) shifted += entry.value;
}).observe({type: "layout-shift", buffered: true});
"""
# what leaves the window, labels that cover each other, cards without a number
FAULTS = """
const seen = (box) => box.width && box.height, found = [];
for (const one of document.querySelectorAll("header *, main *")) {
  if (one.closest(".scroll, nav, .printed, .unseen, svg")) continue;
  const box = one.getBoundingClientRect();
  if (seen(box) && (box.right > innerWidth + 1 || box.left < -1))
    found.push("wide: " + one.tagName + " " + one.textContent.slice(0, 40));
}
for (const list of document.querySelectorAll(".up, .across, .ends")) {
  const boxes = [...list.children].map((one) => [one.getBoundingClientRect(), one.textContent]);
  const drawn = boxes.filter(([box]) => seen(box));
  drawn.forEach(([one, text], place) => {
    for (const [other, words] of drawn.slice(0, place))
      if (one.left < other.right && other.left < one.right
          && one.top + 1 < other.bottom && other.top + 1 < one.bottom)
        found.push(`${list.closest("figure").id} ${list.className}: ${words} covers ${text}`);
  });
}
for (const card of document.querySelectorAll("#summary .cards dd"))
  if (card.textContent.includes("n/a")) found.push("no number: " + card.parentElement.textContent);
return found;
"""


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("width", "scheme", "most"), [(1440, "light", 900), (390, "dark", 1688)]
)
def test_every_kind_of_run_reads_well(browser, url_of_kind, kind, width, scheme, most):
    url = url_of_kind(kind)
    made = browser.execute_cdp_cmd(
        "Page.addScriptToEvaluateOnNewDocument", {"source": SHIFTS}
    )
    show(browser, url, width, scheme)
    browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", made)
    assert browser.get_log("browser") == []
    assert browser.execute_script(FAULTS) == []
    assert browser.execute_script("return window.shifted") < 0.01
    top = browser.execute_script(
        "return document.querySelector('#main figure.chart').getBoundingClientRect().top"
    )
    assert 0 < top < most
    if kind != "flagship" and width == 1440:  # whose page is looked at whole above
        assert faults_of_axe(browser, {"runOnly": STRUCTURE}) == []


def test_headings_go_down_one_step_at_a_time(browser, url):
    show(browser, url)
    levels = browser.execute_script(
        "return [...document.querySelectorAll('h1,h2,h3,h4')].map(h => Number(h.tagName[1]))"
    )
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_reader_switches_the_scale_by_keyboard(browser, url):
    from selenium.webdriver.common.keys import Keys

    show(browser, url)
    linear, log = (
        browser.find_element("id", f"growth-scale-chart-{n}") for n in (1, 2)
    )
    assert (linear.is_displayed(), log.is_displayed()) == (True, False)
    browser.find_element("id", "growth-scale-1").send_keys(Keys.ARROW_RIGHT)
    assert (linear.is_displayed(), log.is_displayed()) == (False, True)


def read(browser):
    """Return what the boxes at the crosshairs say, first of the visible pictures."""
    return browser.execute_script(
        "return [...document.querySelectorAll('#growth .read')].filter(r => r.offsetParent)"
        ".map(r => r.innerText.split('\\n'))"
    )


def test_a_crosshair_tells_the_values_of_a_day(browser, url, flagship):
    from selenium.webdriver.common.keys import Keys

    show(browser, url)
    plot = browser.find_element("css selector", "#growth-scale-chart-1 .plot")
    browser.execute_script("arguments[0].focus()", plot)
    plot.send_keys(Keys.ARROW_LEFT)
    growth, fall = read(browser)
    nav = flagship.closes["nav"]
    day = nav.index[-2]
    assert growth[:3] == [f"{day:%Y-%m-%d}", "run", f"{nav.iloc[-2] / nav.iloc[0]:.2f}"]
    depth = nav.iloc[-2] / nav.iloc[:-1].max() - 1
    assert fall[:3] == [f"{day:%Y-%m-%d}", "run", f"{depth:.2%}"]
    plot.send_keys(Keys.ESCAPE)
    assert read(browser) == []


def test_a_tap_shows_the_crosshair_on_a_phone(browser, url):
    show(browser, url, 390)
    tap = (
        "const plot = document.querySelector('#growth-scale-chart-1 .plot'), "
        "box = plot.querySelector('svg').getBoundingClientRect();"
        "plot.dispatchEvent(new PointerEvent('pointerdown', {pointerType: 'touch', "
        "clientX: box.left + box.width / 2, clientY: box.top + 5, bubbles: true}));"
    )
    browser.execute_script(tap)
    assert len(read(browser)) == 2
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 390


def test_a_range_of_dates_redraws_and_all_is_as_it_was(browser, url, flagship):
    show(browser, url)
    drawn = "return document.querySelector('#growth-scale-chart-1 svg').innerHTML"
    before = browser.execute_script(drawn)
    buttons = browser.find_elements("css selector", "#growth .range button")
    assert [one.text for one in buttons] == ["1y", "3y", "5y", "10y", "All"]
    browser.execute_script("arguments[0].click()", buttons[1])
    last = flagship.closes.index[-1]
    dates = browser.execute_script(
        "return [...document.querySelectorAll('#growth .range input')].map(i => i.value)"
    )
    assert dates == ["2016-01-01", f"{last:%Y-%m-%d}"]
    assert browser.execute_script(drawn) != before
    labels = browser.execute_script(
        "return [...document.querySelectorAll('#growth-scale-chart-1 .across span')]"
        ".map(s => s.textContent)"
    )
    assert labels == ["2017", "2018"]
    browser.execute_script("arguments[0].click()", buttons[4])
    assert browser.execute_script(drawn) == before


def test_fills_stay_on_the_price_when_a_range_is_chosen(browser, tmp_path):
    changes = ["analyzers=[asset_prices]", "data.start=2016-01-04"]
    result = run(load_config(EXAMPLES / "spy_qqq.yaml", changes), reports=False)
    (path,) = HtmlReport().write(result, tmp_path)
    show(browser, path.as_uri())
    dots = (
        "return document.querySelector('#priced-chart-1 .dots.equal').getAttribute('d')"
    )
    fills = result.fills[
        (result.fills["asset"] == "SPY") & (result.fills["filled"] > 0.0)
    ]
    assert browser.execute_script(dots).count("M") == len(fills)
    first, *_ = browser.find_elements("css selector", "#trades .range button")
    assert first.text == "1y"
    browser.execute_script("arguments[0].click()", first)
    since = fills["time"] >= "2018-01-01"
    assert browser.execute_script(dots).count("M") == since.sum() > 0


SAVED = """
const [words, done] = arguments, link = HTMLAnchorElement.prototype;
URL.createObjectURL = (blob) => { window.saved = blob; return "data:,"; };
link.click = function () { saved.text().then((text) => done([this.download, saved.type, text])); };
document.querySelector(words).click();
"""


def test_a_picture_is_saved_as_numbers_and_as_pictures(browser, url, flagship):
    show(browser, url)
    buttons = "#growth-scale-chart-1 .save button:nth-child({})"
    name, kind, text = browser.execute_async_script(SAVED, buttons.format(3))
    assert (name, kind) == ("spy_qqq_growth-scale-chart-1.csv", "text/csv")
    head, *rows = text.splitlines()
    assert head == "date,run,benchmark,equal weight,constant mix"
    nav = flagship.closes["nav"]
    assert len(rows) == len(nav)
    assert float(rows[-1].split(",")[1]) == pytest.approx(
        nav.iloc[-1] / nav.iloc[0], abs=6e-4
    )
    name, kind, text = browser.execute_async_script(SAVED, buttons.format(2))
    assert (name, kind) == ("spy_qqq_growth-scale-chart-1.svg", "image/svg+xml")
    assert text.startswith("<svg")
    assert "spy_qqq: Growth of 1, linear scale" in text
    name, kind, _ = browser.execute_async_script(SAVED, buttons.format(1))
    assert (name, kind) == ("spy_qqq_growth-scale-chart-1.png", "image/png")


def test_a_table_is_saved_with_all_digits(browser, url, flagship):
    show(browser, url)
    name, _, text = browser.execute_async_script(
        SAVED, ".frame:has(#headline-table) .save button"
    )
    assert name == "spy_qqq_headline.csv"
    total = flagship.metrics["total_return"]["run"]
    assert text.splitlines()[1].startswith(f"Total return,{total!r},")


def test_the_long_table_opens_and_prints_whole(browser, url):
    show(browser, url)
    rows = (
        "return [...document.querySelectorAll('#headline-table tbody tr')]"
        ".filter(r => r.offsetParent).length"
    )
    assert browser.execute_script(rows) == 10
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert browser.execute_script(rows) == 28
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    browser.execute_script("document.querySelector('.unfold input').click()")
    assert browser.execute_script(rows) == 28


@pytest.mark.parametrize(("width", "most"), [(1440, 900), (390, 2 * 844)])
def test_the_first_picture_is_seen_soon(browser, url, width, most):
    show(browser, url, width)
    top = browser.execute_script(
        "return document.querySelector('#main figure.chart').getBoundingClientRect().top"
    )
    assert 0 < top < most


def test_reader_sorts_and_searches_a_table(browser, url):
    show(browser, url)
    head = browser.find_element(
        "css selector", "#trades-table thead th:nth-child(6) button"
    )
    for order in (-1, 1):
        browser.execute_script("arguments[0].click()", head)
        values = browser.execute_script(
            "return [...document.querySelectorAll('#trades-table tbody tr')].map(r => "
            "Number(r.cells[5].dataset.v))"
        )
        assert values == sorted(values, reverse=order < 0)
    box = browser.find_element("css selector", "input[data-for=decisions-table]")
    box.send_keys("2008-03")
    shown = browser.execute_script(
        "return [...document.querySelectorAll('#decisions-table tbody tr')].filter(r => !r.hidden)"
        ".map(r => r.cells[0].textContent)"
    )
    assert len(shown) == 1
    assert shown[0].startswith("2008-03")


def test_reader_sees_a_definition_on_focus_and_closes_it(browser, url):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    show(browser, url, 390)
    button = browser.find_element("css selector", "#headline-table .q")
    text = browser.find_element("css selector", "#headline-table .def")
    assert not text.is_displayed()
    browser.execute_script("arguments[0].focus()", button)
    assert text.is_displayed()
    assert text.text.startswith(
        "Last NAV over the NAV at the start, less 1; from 10 on"
    )
    ActionChains(browser).send_keys(Keys.ESCAPE).perform()
    assert not text.is_displayed()


def test_reader_chooses_dark_over_a_light_system(browser, url):
    show(browser, url)
    button = browser.find_element("id", "theme")
    assert button.text == "Dark"
    button.click()
    assert button.text == "Light"
    assert (
        browser.execute_script("return getComputedStyle(document.body).backgroundColor")
        == "rgb(20, 23, 27)"
    )


def test_page_reads_without_script(browser, url):
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        show(browser, url)
        assert browser.find_element("id", "decisions-table").is_displayed()
        assert browser.find_element("id", "growth-scale-chart-1").is_displayed()
        assert not browser.find_element("id", "theme").is_displayed()
    finally:
        browser.execute_cdp_cmd(
            "Emulation.setScriptExecutionDisabled", {"value": False}
        )


def test_a_printed_page_is_light_and_keeps_its_heads_and_definitions(browser, url):
    show(browser, url, scheme="dark")
    browser.find_element("id", "theme")
    browser.execute_script("document.documentElement.dataset.theme = 'dark'")
    features = [{"name": "prefers-color-scheme", "value": "dark"}]
    media = {"media": "print", "features": features}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    paper, ink = browser.execute_script(
        "const s = getComputedStyle(document.body); return [s.backgroundColor, s.color]"
    )
    assert paper == "rgb(255, 255, 255)"
    assert ink == "rgb(28, 31, 36)"
    heads = browser.find_elements("css selector", "#headline-table thead button")
    assert [head.is_displayed() for head in heads] == [True] * 5
    browser.execute_script("dispatchEvent(new Event('beforeprint'))")
    assert browser.find_element("css selector", ".glossary").is_displayed()
    browser.execute_script("dispatchEvent(new Event('afterprint'))")
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_a_phone_is_told_of_tables_that_scroll_and_rows_stay_low(browser, url):
    show(browser, url, 390)
    wide = browser.find_elements("css selector", ".scroll.wide")
    assert len(wide) > 3
    hint = browser.execute_script(
        "return getComputedStyle(arguments[0].querySelector('caption'), '::after').content",
        wide[0],
    )
    assert "scrolls sideways" in hint
    heights = browser.execute_script(
        "const rows = document.querySelectorAll('#decisions-table tbody tr');"
        "return [...rows].map(row => row.offsetHeight)"
    )
    assert max(heights) < 60
