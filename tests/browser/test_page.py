"""The report's page in a browser: by mouse, by keyboard alone, on a phone, in the dark."""

import pytest
import spacy
from all_components import gold_docs

from spacy_skd.report.curves import Log
from spacy_skd.report.page import write_html
from spacy_skd.report.scores import SETTINGS

pytestmark = pytest.mark.browser

PHONE = {"width": 390, "height": 800, "deviceScaleFactor": 2, "mobile": True}
ROWS = (
    "[...document.querySelectorAll('main tr[data-layer]')].filter(r => !r.hasAttribute('data-off'))"
)


@pytest.fixture(scope="session")
def url(systems, tmp_path_factory):
    docs = gold_docs(spacy.blank("en"))
    for i, doc in enumerate(docs):
        doc.user_data["meta"] = {"genre": ["pets", "books"][i % 2]}
    measured = {"megabytes": 2.0, **dict.fromkeys(SETTINGS, {"tag_acc": 0.5})}
    results = {name: {**measured, "words_per_second": 90.0 * len(name)} for name in systems}
    path = tmp_path_factory.mktemp("browser") / "page.html"
    write_html(
        path, systems, docs, results=results, teacher="teacher", slices=["genre"],
        train=docs[:2], logs=[Log("run", {"tag_acc": [(0, 1.0), (50, 70.0)]})], corpus="dev.spacy",
    )  # fmt: skip
    return path.as_uri()


@pytest.fixture
def page(driver, url):
    """The page, loaded anew; after the test nothing may stand in the console."""
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    scheme(driver, "light")
    driver.get(url)
    yield driver
    assert driver.get_log("browser") == []


def scheme(driver, value):
    features = [{"name": "prefers-color-scheme", "value": value}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def run(driver, script, *arguments):
    return driver.execute_script(script, *arguments)


def visible(driver, attribute):
    return set(run(driver, f"return {ROWS}.map(r => r.dataset.{attribute})")) - {None}


def choose(driver, name, value):
    """As a user who picks a value: with the event that comes of it."""
    run(driver, "const f = document.getElementById('filters').elements[arguments[0]];"
        "f.value = arguments[1]; f.dispatchEvent(new Event('input', {bubbles: true}))",
        name, value)  # fmt: skip


def press(driver, *keys):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    for key in keys:
        ActionChains(driver).send_keys(getattr(Keys, key, key)).perform()


def focused(driver):
    return run(driver, "const e = document.activeElement; return e.name || e.textContent.trim()")


def test_it_loads_at_once_and_shows_its_filters(page):
    timing = "const t = performance.getEntriesByType('navigation')[0]; return t.loadEventEnd"
    assert 0 < run(page, timing) < 1000
    assert "report" in page.title
    assert run(page, "return document.getElementById('filters').offsetHeight") > 0
    assert run(page, "return performance.getEntriesByType('resource').length") == 0


def test_filters_leave_what_fits(page):
    everything = run(page, f"return {ROWS}.length")
    choose(page, "layer", "tag")
    assert visible(page, "layer") == {"tag"}
    choose(page, "label", "NN")
    assert visible(page, "label") == {"NN"}
    assert "rows match" in run(page, "return document.querySelector('output').textContent")
    choose(page, "label", "")
    choose(page, "layer", "")
    choose(page, "slice", "genre: pets")
    assert visible(page, "slice") == {"genre: pets"}
    assert run(page, "return document.querySelector('#slices details').open")
    run(page, "document.querySelector('#filters [type=reset]').click()")
    page.implicitly_wait(1)
    page.execute_async_script("setTimeout(arguments[0], 20)")
    assert run(page, f"return {ROWS}.length") == everything


def test_tables_open_one_by_one_and_all_at_once(page):
    closed = "return document.querySelectorAll('details:not([open])').length"
    n = run(page, closed)
    assert n > 5
    page.find_element("css selector", "#labels summary").click()
    assert run(page, closed) == n - 1
    assert page.find_element("css selector", "#labels table").is_displayed()
    run(page, "scrollTo(0, 0)")
    button = page.find_element("css selector", "[name=expand]")
    button.click()
    assert run(page, closed) == 0
    assert button.get_attribute("aria-pressed") == "true"
    button.click()
    assert run(page, closed) == n


def test_by_keyboard_alone(page):
    press(page, "TAB")
    assert focused(page) == "Skip to the report"
    left = "return document.activeElement.getBoundingClientRect().left"
    assert run(page, left) >= 0, "seen once it has the focus"
    press(page, "ENTER")
    assert run(page, "return location.hash") == "#main"
    met = []
    for _ in range(14):
        press(page, "TAB")
        met.append(focused(page))
        outline = "return getComputedStyle(document.activeElement).outlineStyle"
        assert run(page, outline) != "none", met[-1]
    run(page, "document.querySelector('#filters [name=layer]').focus()")
    press(page, "t", "a", "g")
    assert visible(page, "layer") == {"tag"}
    run(page, "document.querySelector('#labels summary').focus()")
    press(page, "ENTER")
    assert run(page, "return document.activeElement.parentElement.open")
    press(page, "TAB")
    assert run(page, "return document.activeElement.className") == "scroll", "by arrow keys"


def test_on_a_phone_nothing_is_wider_than_the_screen(page):
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
    run(page, "for (const d of document.querySelectorAll('details')) d.open = true")
    assert run(page, "return document.documentElement.scrollWidth") <= 390
    wide = (
        "return [...document.querySelectorAll('.scroll')].some(s => s.scrollWidth > s.clientWidth)"
    )
    assert run(page, wide), "tables scroll in their own containers"


def luminance(driver, selector):
    style = f"getComputedStyle(document.querySelector('{selector}')).backgroundColor"
    colour = run(driver, f"return {style}")
    return sum(map(int, colour.removeprefix("rgb(").rstrip(")").split(",")[:3])) / 3


def test_dark_where_the_system_is(page):
    assert luminance(page, "body") > 230
    scheme(page, "dark")
    assert luminance(page, "body") < 40
    assert luminance(page, "select") < 60


def test_without_javascript_everything_is_there(page, url):
    page.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        page.get(url)
        assert not page.find_element("id", "filters").is_displayed()
        page.find_element("css selector", "#labels summary").click()
        assert page.find_element("css selector", "#labels table").is_displayed()
    finally:
        page.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("metrics", [None, PHONE], ids=["desktop", "phone"])
def test_axe_finds_nothing(page, axe, colours, metrics):
    """Contrast, labels, landmarks, order of headings, ... of all that can be shown."""
    scheme(page, colours)
    if metrics:
        page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    run(page, "for (const d of document.querySelectorAll('details')) d.open = true")
    run(page, axe)
    found = page.execute_async_script(
        "axe.run(document, {resultTypes: ['violations']}).then(arguments[0])"
    )
    assert len(found["passes"]) > 20
    violations = {
        v["id"]: [node["html"][:200] for node in v["nodes"][:3]] for v in found["violations"]
    }
    assert violations == {}
