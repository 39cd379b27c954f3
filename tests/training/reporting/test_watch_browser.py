"""The page of runs in a real browser."""

from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api")
from playwright.sync_api import Browser, expect  # noqa: E402

from tests.doubles.run_files import line, make_run  # noqa: E402
from tests.doubles.talk_http import serving  # noqa: E402
from training.reporting.run_metrics import open_runs  # noqa: E402
from training.reporting.watch_page import WatchPage  # noqa: E402

pytest_plugins = ["tests.doubles.page_fixtures"]
pytestmark = pytest.mark.browser


@pytest.mark.parametrize("width", [360, 1440])
def test_runs_are_overlaid_and_updated(browser: Browser, tmp_path: Path, width: int) -> None:
    folders = [
        make_run(tmp_path / name, *(line(step, policy_loss=start / step, top1=0.5) for step in range(1, 60)))
        for name, start in (("first", 2.0), ("second", 3.0))
    ]
    context = browser.new_context(viewport={"width": width, "height": 800})
    page = context.new_page()
    faults: list[str] = []
    page.on("console", lambda message: faults.append(message.text) if message.type in ("error", "warning") else None)
    with serving(WatchPage(open_runs(folders)).site()) as server:
        page.goto(server.url)
        expect(page.locator("#plots img")).to_have_count(2)
        expect(page.locator("thead th")).to_have_text(["run", "first", "second"])
        page.evaluate("Promise.all([...document.images].map((image) => image.decode()))")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        before = page.screenshot(full_page=True)
        with (folders[0] / "metrics.jsonl").open("a") as file:
            file.write(line(100, policy_loss=5.0))
        expect(page.locator("tbody tr").nth(1).locator("td").first).to_have_text("5", timeout=10_000)
        page.evaluate("Promise.all([...document.images].map((image) => image.decode()))")
        assert page.screenshot(path=tmp_path / "page.png", full_page=True) != before
        page.close()
    context.close()
    assert not faults
