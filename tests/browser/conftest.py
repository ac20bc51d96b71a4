"""A headless Chromium, where there is one; where there is none, tests say that they did not run."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from reported import systems  # noqa: F401

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FETCH = os.environ.get("SKD_BROWSER") == "fetch"  # as `make test-browser` says
MISSING = "`make test-browser` installs what is missing"
# Of the environment, where `make test-browser` puts it.
AXE = Path(sys.prefix) / "axe" / "node_modules" / "axe-core" / "axe.min.js"


@pytest.fixture(scope="session")
def driver() -> Iterator[Any]:
    """Chromium, by Selenium, whose console is read."""
    try:
        from selenium import webdriver
    except ImportError:
        pytest.skip(f"Selenium is not installed: {MISSING}")
    binary = next(filter(None, map(shutil.which, NAMES)), None)
    if binary is None and not FETCH:
        pytest.skip(f"no Chromium is found: {MISSING}")
    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1280,900"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    if binary is not None:
        options.binary_location = binary
    own_driver = shutil.which("chromedriver")
    service = webdriver.ChromeService(own_driver) if own_driver else None
    chromium = webdriver.Chrome(options=options, service=service)
    yield chromium
    chromium.quit()


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core."""
    path = Path(os.environ.get("AXE_CORE", AXE))
    if not path.is_file():
        pytest.skip(f"axe-core is not at {path}: {MISSING}")
    return path.read_text(encoding="utf8")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Count what did not run."""
    skipped = [
        report
        for report in terminalreporter.stats.get("skipped", ())
        if MISSING in str(report.longrepr)
    ]
    if skipped:
        terminalreporter.write_line(
            f"{len(skipped)} tests in a browser did not run: {skipped[0].longrepr[-1]}"
        )
