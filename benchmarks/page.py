"""Measure a page of `spacy skd report --html` in a headless Chromium: bytes, time to open, what
stands in the console, and what axe-core finds, light and dark, on a screen and on a phone.

    python benchmarks/page.py report.html --axe path/to/axe.min.js --pictures pictures

It needs the extra `[browser]`, Chromium with its driver, and `npm install axe-core`; see
`make test-browser`. The times are those of a page that was never opened, from the beginning of
navigation to the end of `load`, and of the first picture that has content.
"""

import argparse
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PHONE = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
TIMES = """
const loaded = performance.getEntriesByType("navigation")[0].loadEventEnd;
const painted = performance.getEntriesByName("first-contentful-paint")[0];
return [loaded, painted ? painted.startTime : loaded];
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("page", type=Path)
    parser.add_argument("--axe", type=Path, help="axe.min.js of axe-core")
    parser.add_argument("--rounds", type=int, default=7, help="new browsers that open the page")
    parser.add_argument("--pictures", type=Path, help="folder for pictures of the top")
    options = parser.parse_args()
    page = options.page.resolve()
    times, console = [], []
    for _ in range(options.rounds):
        with browser() as driver:
            driver.get(page.as_uri())
            times.append(driver.execute_script(TIMES))
            console += driver.get_log("browser")
    loaded, painted = (median(each) / 1000 for each in zip(*times, strict=True))
    print(f"megabytes: {page.stat().st_size / 1e6:.2f}")
    print(f"seconds to load: {loaded:.2f}; to the first content: {painted:.2f} (medians)")
    print(f"lines in the console: {len(console)}")
    with browser() as driver:
        for name, violations in looked_at(driver, page.as_uri(), options.axe, options.pictures):
            print(f"{name}: {'axe was not given' if violations is None else violations}")


@contextmanager
def browser() -> Iterator[Any]:
    """Yield a Chromium with an empty cache, whose console is read."""
    from selenium import webdriver

    settings = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1280,900"):
        settings.add_argument(argument)
    settings.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    binary, own = next(filter(None, map(shutil.which, NAMES)), None), shutil.which("chromedriver")
    if binary is not None:
        settings.binary_location = binary
    driver = webdriver.Chrome(
        options=settings, service=webdriver.ChromeService(own) if own else None
    )
    try:
        yield driver
    finally:
        driver.quit()


def looked_at(
    driver: Any, url: str, axe: Path | None, pictures: Path | None
) -> Iterator[tuple[str, dict[str, int] | None]]:
    """Yield, of each way to see the page with all that opens open, how many places of each rule of
    axe-core are against it; None without axe-core."""
    for colours in ("light", "dark"):
        for device, metrics in (("screen", None), ("phone", PHONE)):
            seen = {"features": [{"name": "prefers-color-scheme", "value": colours}]}
            driver.execute_cdp_cmd("Emulation.setEmulatedMedia", seen)
            clear = "Emulation.clearDeviceMetricsOverride"
            of_phone = "Emulation.setDeviceMetricsOverride"
            driver.execute_cdp_cmd(of_phone if metrics else clear, metrics or {})
            driver.get(url)
            if pictures is not None:
                pictures.mkdir(parents=True, exist_ok=True)
                driver.save_screenshot(str(pictures / f"{device}_{colours}.png"))
            opened = "for (const d of document.querySelectorAll('details')) d.open = true"
            driver.execute_script(opened)
            yield f"{device}, {colours}", None if axe is None else violations_of(driver, axe)


def violations_of(driver: Any, axe: Path) -> dict[str, int]:
    """Return how many elements break each rule."""
    driver.set_script_timeout(300)
    driver.execute_script(axe.read_text(encoding="utf8"))
    run = "axe.run(document, {resultTypes: ['violations']}).then(arguments[0])"
    found = driver.execute_async_script(run)
    return {each["id"]: len(each["nodes"]) for each in found["violations"]}


if __name__ == "__main__":
    main()
