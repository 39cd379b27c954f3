"""The page in a browser: what is seen, on which screens, by which keys, how quickly."""

import re
import time
from pathlib import Path

import chess
import pytest

pytest.importorskip("playwright.sync_api")
from playwright.sync_api import Browser, BrowserContext, Page, expect  # noqa: E402

from engine.view.local_server import LocalServer  # noqa: E402
from tests.doubles.browsing import click_square, move_count, type_move, visit  # noqa: E402
from tests.doubles.tiny_view import open_tiny  # noqa: E402

pytest_plugins = ["tests.doubles.page_fixtures"]
pytestmark = pytest.mark.browser


def test_head_square_and_state_change_what_is_seen(page: Page, tmp_path: Path) -> None:
    seen: dict[str, bytes] = {}

    def look(name: str) -> None:
        page.wait_for_timeout(150)
        seen[name] = page.screenshot(path=tmp_path / f"{name}.png", full_page=True)

    look("fresh")
    page.locator('[data-block="0"][data-head="1"]').click()
    expect(page.locator("#attention-text")).to_contain_text("block 1, head 2")
    look("head")
    click_square(page, "d8")
    expect(page.locator("#attention-text")).to_contain_text("d8 looks at")
    look("square")
    page.locator("#direction").check()
    expect(page.locator("#attention-text")).to_contain_text("d8 is looked at from")
    look("direction")
    page.locator("#state").fill("0")
    expect(page.locator("#state-text")).to_contain_text("state 0 of 8: on the way")
    look("state")
    page.locator("#state").fill("8")
    expect(page.locator("#state-text")).to_contain_text("further than it plays")
    assert len(set(seen.values())) == len(seen) and min(map(len, seen.values())) > 30_000
    for part in ("block=0", "head=1", "square=d8", "to=1", "state=8"):
        assert part in page.url


def test_a_head_is_switched_off_and_on(page: Page, server: LocalServer) -> None:
    open_tiny().capture.trace(chess.Board(), ((0, 1),))  # compiles, which may take longer than a page waits
    visit(page, server, "#block=0&head=1&square=d1")
    shares = page.locator("#policy-rows .share").all_inner_texts()
    page.locator("#head-off").click()
    expect(page.locator("#message")).to_contain_text("is not what is played")
    expect(page.locator(".head.off")).to_have_count(1)
    assert "off=0.1" in page.url and page.locator("#policy-rows .share").all_inner_texts() != shares
    page.keyboard.press("x")
    expect(page.locator(".head.off")).to_have_count(0)
    assert page.locator("#policy-rows .share").all_inner_texts() == shares
    visit(page, server, "")
    page.keyboard.press("x")
    expect(page.locator("#message.error")).to_contain_text("expected a chosen head")


def test_all_attention_is_seen_as_a_grid(page: Page) -> None:
    page.keyboard.press("g")
    cells = page.locator("#matrix-chart rect.heat")
    expect(page.locator("#matrix-chart text")).to_have_count(64)
    assert cells.count() > 100 and "%" in (cells.first.locator("title").text_content() or "")
    before = page.locator("#attention-text").inner_text()
    grid = page.locator("#matrix-chart svg")
    box = grid.bounding_box()
    assert box is not None
    # The first row is a1's, the tokens of the side to move being first; six of 106 parts are above it.
    grid.click(position={"x": box["width"] / 2, "y": box["height"] * 7 / 106})
    expect(page.locator("#attention-text")).to_contain_text("a1 looks at")
    assert page.locator("#attention-text").inner_text() != before and "square=a1" in page.url


def test_rollout_is_the_product_of_the_blocks(page: Page) -> None:
    numbers = page.evaluate(
        """async () => {
            const { matrixOf } = await import('/attention_panel.js');
            const weights = [[[[1, 0], [1, 0]]], [[[0.25, 0.75], [0, 1]], [[0.75, 0.25], [0, 1]]]];
            const squares = ['a1', 'b1'];
            return [null, 'rollout'].map((head) => matrixOf({ squares, weights }, { block: 1, head }));
        }"""
    )
    assert numbers[0] == [[0.5, 0.5], [0, 1]]
    # By hand, half mean and half identity of each block: [[.75, .25], [0, 1]] times [[1, 0], [.5, .5]].
    assert numbers[1] == [[0.875, 0.125], [0.5, 0.5]]
    page.locator('[data-head="rollout"]').click()
    expect(page.locator("#attention-text")).to_contain_text("rollout of all blocks")
    assert "head=rollout" in page.url


def test_the_worth_of_pieces_takes_the_place_of_attention(page: Page) -> None:
    before = page.locator("#board .heat").count()
    page.locator("#worth").check()
    expect(page.locator("#worth-text")).to_contain_text("The mover's value changes most without")
    assert before > 0 and page.locator("#board .heat.cold").count() > 0
    page.locator("#worth").uncheck()
    expect(page.locator("#worth-text")).to_be_empty()
    expect(page.locator("#board .heat")).to_have_count(before)


def test_what_is_shown_is_said_in_a_sentence(page: Page, server: LocalServer) -> None:
    expect(page.locator("#verdict")).to_contain_text("White to move. State 3:")
    share = page.locator("#policy-rows .share").first.inner_text()
    said = re.search(r"(\d+)%", page.locator("#verdict").inner_text())
    assert said and abs(float(said[1]) - float(share.rstrip("%"))) <= 0.55  # both are rounded
    visit(page, server, "#moves=e2e4")
    expect(page.locator("#verdict")).to_contain_text("Black to move.")
    facts = page.locator("#facts dd").evaluate_all("(all) => all.map((fact) => fact.dataset.fact)")
    assert facts == ["plays", "value", "entropy", "choices", "margin", "residual", "steps"]


def test_an_empty_square_says_that_nothing_stands_there(page: Page) -> None:
    click_square(page, "e5")
    expect(page.locator("#attention-text")).to_contain_text("Nothing stands on e5")
    expect(page.locator("#board .heat")).to_have_count(0)


def test_the_address_makes_the_same_page(page: Page, server: LocalServer, context: BrowserContext) -> None:
    visit(page, server, "#moves=e2e4,e7e5&state=2&block=0&head=0&square=e4&flip=1&to=1")
    expect(page.locator("#attention-text")).to_contain_text("e4 is looked at from")
    names = ("fen", "attention-text", "state-text", "facts", "policy-rows")
    texts = [page.locator(f"#{name}").inner_text() for name in names]
    other = context.new_page()
    other.goto(page.url)
    for name, text in zip(names, texts, strict=True):
        expect(other.locator(f"#{name}")).to_have_text(text, use_inner_text=True)
    # Black is at the bottom.
    king, queen = (other.locator(f'#board .pieces [data-square="{square}"]') for square in ("e1", "e8"))
    expect(king).to_have_count(1)
    other.wait_for_timeout(200)
    top, bottom = king.bounding_box(), queen.bounding_box()
    assert top is not None and bottom is not None and top["y"] < bottom["y"]


def test_a_senseless_address_is_reported(context: BrowserContext, server: LocalServer) -> None:
    page = context.new_page()
    page.goto(server.url + "#fen=nonsense&state=99999&square=z9&engine=x")
    expect(page.locator("#message.error")).to_contain_text("expected a FEN")
    page.goto(server.url + "#moves=e2e4,e2e4")
    expect(page.locator("#message.error")).to_contain_text("expected a legal move")
    page.locator("#new-game").click()
    expect(page.locator("#fen")).to_contain_text("w KQkq - 0 1")


def test_everything_is_reached_by_keyboard(page: Page) -> None:
    page.locator("#board").focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowDown", "Enter", "ArrowUp", "ArrowUp", "Enter"):
        page.keyboard.press(key)
    # The cursor begins at e4.
    expect(page.locator("#moves button")).to_have_text(["e4"])
    expect(page.locator("#cursor-text")).to_contain_text("e4, ")
    page.keyboard.press(" ")
    expect(page.locator("#attention-text")).to_contain_text("e4 looks at")
    page.locator("body").click(position={"x": 2, "y": 2})
    page.keyboard.press("h")
    expect(page.locator("#attention-text")).to_contain_text("head 1")
    page.keyboard.press("H")
    expect(page.locator("#attention-text")).to_contain_text("mean of heads")
    page.keyboard.press("]")
    expect(page.locator("#state-text")).to_contain_text("state 4")
    page.keyboard.press("e")
    expect(page.locator("#moves button")).to_have_count(2)
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    expect(page.locator("#moves button")).to_have_count(0)


def test_every_control_has_a_name_and_shows_focus(page: Page) -> None:
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('button, input, select, textarea, [role=img], [role=application]')]
        .filter((e) => !(e.getAttribute('aria-label') || e.getAttribute('aria-labelledby') || e.textContent.trim()
            || e.labels?.length || e.getAttribute('aria-describedby')))
        .filter((e) => !e.closest('.cm-chessboard') && !e.matches('.cm-chessboard'))
        .map((e) => e.outerHTML.slice(0, 80))"""
    )
    assert nameless == []
    page.keyboard.press("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


@pytest.mark.parametrize("width", [360, 390, 820, 1366])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_overflows(browser: Browser, server: LocalServer, width: int, scheme: str, tmp_path: Path) -> None:
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    visit(page, server, "#moves=e2e4,e7e5,g1f3,b8c6,f1b5,a7a6,b5a4,g8f6&teacher=1&values=1&matrix=1&worth=1")
    expect(page.locator("#worth-text")).not_to_be_empty()
    expect(page.locator("#teacher-text")).not_to_be_empty()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    spilled = page.evaluate(
        """() => [...document.querySelectorAll('section *')].filter((e) => !e.closest('svg, .visually-hidden'))
        .filter((e) => e.getBoundingClientRect().right > e.closest('section').getBoundingClientRect().right + 1)
        .map((e) => e.outerHTML.slice(0, 80))"""
    )
    assert spilled == []
    smallest = page.evaluate(
        "Math.min(...[...document.querySelectorAll('p, td, th, button, label, dd, dt')].filter((e) => e.offsetParent)"
        ".map((e) => parseFloat(getComputedStyle(e).fontSize)))"
    )
    assert smallest >= 11
    drawn = page.evaluate(
        "Math.min(...[...document.querySelectorAll('svg.chart text')].map((e) =>"
        " parseFloat(getComputedStyle(e).fontSize) * e.ownerSVGElement.getScreenCTM().a))"
    )
    assert drawn >= 9.5
    clipped = page.evaluate(
        """() => [...document.querySelectorAll('svg.chart text')].filter((e) => {
          const box = e.getBBox(), whole = e.ownerSVGElement.viewBox.baseVal;
          return box.x < -1 || box.x + box.width > whole.width + 1;
        }).map((e) => e.textContent)"""
    )
    assert clipped == []
    assert len(page.screenshot(path=tmp_path / "page.png", full_page=True)) > 30_000
    context.close()


@pytest.mark.parametrize(
    ("button", "start"), [("export-svg", b"<svg"), ("export-png", b"\x89PNG"), ("export-json", b'{"fen":')]
)
def test_pictures_are_saved(page: Page, tmp_path: Path, button: str, start: bytes) -> None:
    with page.expect_download() as download:
        page.locator(f"#{button}").click()
    path = tmp_path / "picture"
    download.value.save_as(path)
    content = path.read_bytes()
    assert content.startswith(start) and len(content) > 20_000


def test_a_move_is_drawn_quickly(page: Page) -> None:
    for move in ("e4", "e5", "Nf3", "Nc6", "Bb5", "a6", "Ba4", "Nf6"):
        count = move_count(page)
        type_move(page, move)
        expect(page.locator("#moves button")).to_have_count(count + 1)
    page.wait_for_timeout(200)
    took_ms = page.evaluate("performance.getEntriesByName('go-to-panel').map((entry) => entry.duration)")
    assert len(took_ms) == 9
    # The aim is 150 ms on two idle cores; other programs may run beside a test.
    assert sorted(took_ms[1:])[4] < 600


def test_twenty_tabs_are_served(context: BrowserContext, server: LocalServer) -> None:
    pages = [context.new_page() for _ in range(20)]
    started_s = time.monotonic()
    for number, page in enumerate(pages):
        page.goto(f"{server.url}#moves=e2e4,e7e5&ply={number % 3}&state={number % 9}", wait_until="commit")
    for number, page in enumerate(pages):
        expect(page.locator("#state-text")).to_contain_text(f"state {number % 9} of 8", timeout=60_000)
    assert time.monotonic() - started_s < 120
