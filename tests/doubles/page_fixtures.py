"""Fixtures of the tests that drive the page in a real browser: Debian's Chromium, by Playwright."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from engine.view.local_server import LocalServer
from tests.doubles.browsing import visit
from tests.doubles.tiny_site import serving_tiny


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with serving_tiny() as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    found = shutil.which("chromium")
    assert found is not None, "these tests need chromium: apt-get install chromium"
    expect.set_options(timeout=60_000)  # ms; the machine may be busy with other things
    with sync_playwright() as playwright:
        # Without its sandbox Chromium also starts as root, as in a container.
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"], timeout=120_000)
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    made = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce", accept_downloads=True)
    made.set_default_timeout(120_000)
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext, server: LocalServer) -> Iterator[Page]:
    """A page on the start position; an error in its console or a request to elsewhere fails the test."""
    faults: list[str] = []
    page = context.new_page()
    page.on("console", lambda message: faults.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda r: None if r.url.startswith((server.url, "blob:", "data:")) else faults.append(r.url))
    visit(page, server, "")
    yield page
    assert not faults
