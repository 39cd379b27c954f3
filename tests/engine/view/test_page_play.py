"""The page in a browser: moving, stepping, playing, comparing."""

import re
from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api")
from playwright.sync_api import BrowserContext, Page, expect  # noqa: E402

from engine.view.local_server import LocalServer  # noqa: E402
from tests.doubles.browsing import click_square, move_count, square_at, type_move, visit  # noqa: E402

pytest_plugins = ["tests.doubles.page_fixtures"]
pytestmark = pytest.mark.browser

GAME = """[White "A"]
[Black "B"]

1. e4 e5 2. Nf3 Nc6 3. Bb5 a6 4. Ba4 Nf6 5. O-O Be7 6. Re1 b5 7. Bb3 d6 8. c3 O-O *
"""
PROMOTION = "4k3/P7/8/8/8/8/8/4K3 w - - 0 1"


def test_a_man_is_moved_by_clicks_and_by_dragging(page: Page) -> None:
    click_square(page, "e2")
    expect(page.locator("#board .dot")).to_have_count(2)
    click_square(page, "e4")
    expect(page.locator("#fen")).to_contain_text("/4P3/8/PPPP1PPP/RNBQKBNR b")
    page.mouse.move(*square_at(page, "g8"))
    page.mouse.down()
    page.mouse.move(*square_at(page, "f7"), steps=3)
    page.mouse.move(*square_at(page, "f6"), steps=3)
    page.mouse.up()
    expect(page.locator("#fen")).to_contain_text("rnbqkb1r")
    expect(page.locator("#moves button")).to_have_text(["e4", "Nf6"])
    assert "moves=e2e4,g8f6" in page.url


def test_an_illegal_move_is_not_made(page: Page) -> None:
    before = page.locator("#fen").inner_text()
    click_square(page, "e2")
    click_square(page, "e5")
    expect(page.locator("#board .dot")).to_have_count(0)
    type_move(page, "Ke5")
    expect(page.locator("#message")).to_contain_text("expected a legal move")
    assert page.locator("#fen").inner_text() == before


def test_a_promotion_asks_for_the_man(page: Page, server: LocalServer) -> None:
    visit(page, server, f"#fen={PROMOTION}")
    click_square(page, "a7")
    click_square(page, "a8")
    page.locator('.promotion-dialog-button-group[data-piece="wn"]').click()
    expect(page.locator("#fen")).to_have_text("N3k3/8/8/8/8/8/8/4K3 b - - 0 1")


def test_moves_are_typed_and_made_from_the_table(page: Page) -> None:
    type_move(page, "Nf3")
    expect(page.locator("#moves button")).to_have_text(["Nf3"])
    page.get_by_role("button", name="play e5", exact=True).click()
    expect(page.locator("#moves button")).to_have_text(["Nf3", "e5"])


def test_a_game_is_loaded_and_stepped(page: Page) -> None:
    page.locator("#open-load").click()
    page.locator("#load-text").fill(GAME)
    page.locator("#load-do").click()
    expect(page.locator("#moves button")).to_have_count(16)
    expect(page.locator("#course svg polygon")).to_have_count(3)
    expect(page.locator("#fen")).to_contain_text("w KQkq")
    for _ in range(9):
        page.keyboard.press("ArrowRight")
    expect(page.locator("#moves [aria-current]")).to_have_text("O-O")
    expect(page.locator("#fen")).to_contain_text("b kq - 3 5")
    page.keyboard.press("Home")
    expect(page.locator("#fen")).to_contain_text("w KQkq - 0 1")
    page.locator("#last").click()
    expect(page.locator("#fen")).to_contain_text("w - - 1 9")
    page.locator('#moves [data-ply="3"]').click()
    expect(page.locator("#fen")).to_contain_text("b KQkq - 1 2")


def test_a_game_is_loaded_from_a_file(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "game.pgn"
    path.write_text(GAME)
    page.locator("#open-load").click()
    page.locator("#load-file").set_input_files(path)
    expect(page.locator("#load-text")).to_have_value(re.compile("1. e4 e5"))
    page.locator("#load-do").click()
    expect(page.locator("#moves button")).to_have_count(16)


def test_a_game_that_cannot_be_read_is_reported(context: BrowserContext, server: LocalServer) -> None:
    page = context.new_page()
    visit(page, server, "")
    page.locator("#open-load").click()
    for text in ("1. e5 nonsense", "8/8/8/8/8/8/8/8 w - - 0 1"):
        page.locator("#load-text").fill(text)
        page.locator("#load-do").click()
        expect(page.locator("#load-error")).to_contain_text("expected")
        page.locator("#load-text").fill("")
    page.locator("#load-text").fill("4k3/8/8/8/8/8/4P3/4K3 w")
    page.locator("#load-do").click()
    expect(page.locator("#fen")).to_have_text("4k3/8/8/8/8/8/4P3/4K3 w - - 0 1")


def test_leaving_a_game_keeps_what_was_played(page: Page, server: LocalServer) -> None:
    visit(page, server, "#moves=e2e4,e7e5,g1f3&ply=1")
    expect(page.locator("#moves button")).to_have_text(["e4", "e5", "Nf3"])
    type_move(page, "c5")
    expect(page.locator("#moves button")).to_have_text(["e4", "c5"])


def test_a_person_plays_a_whole_game(page: Page) -> None:
    for count, move in enumerate(("e4", "e5", "Qh5", "Nc6", "Bc4", "Nf6", "Qxf7#"), start=1):
        type_move(page, move)
        expect(page.locator("#moves button")).to_have_count(count)
    expect(page.locator("#message")).to_have_text("1-0: checkmate")
    expect(page.locator("#engine-move")).to_be_disabled()
    expect(page.locator("#over-text")).to_contain_text("The game is over: 1-0, checkmate.")
    expect(page.locator("#policy")).to_be_hidden()
    # The graph begins at the start and ends with White's win.
    points = (page.locator("#course .score").get_attribute("points") or "").split()
    assert len(points) == 8 and points[0].startswith("0.0,") and points[-1] == "560.0,0.0"
    page.keyboard.press("Escape")
    page.locator("#back").click()
    expect(page.locator('[data-fact="plays"]')).to_have_text("Qxf7#")


def test_the_engine_plays_a_game_against_itself_to_its_end(page: Page, server: LocalServer) -> None:
    visit(page, server, "#fen=7k/8/5K2/8/8/8/8/R7 w - - 92 80&engine=wb")
    expect(page.locator("#message")).to_have_text(re.compile("1-0: checkmate|1/2-1/2: "), timeout=60_000)
    played = move_count(page)
    assert 1 <= played <= 8
    page.wait_for_timeout(600)
    assert move_count(page) == played


def test_the_engine_answers_a_person(page: Page) -> None:
    page.locator("#engine").select_option("b")
    type_move(page, "e4")
    expect(page.locator("#moves button")).to_have_count(2)
    page.locator("#engine-move").click()
    expect(page.locator("#moves button")).to_have_count(4)


def test_the_course_of_a_finished_game_from_its_address(page: Page, server: LocalServer) -> None:
    visit(page, server, "#moves=f2f3,e7e5,g2g4,d8h4&ply=0")
    expect(page.locator("#course .score")).to_have_count(1)
    points = (page.locator("#course .score").get_attribute("points") or "").split()
    assert len(points) == 5 and points[-1] == "560.0,90.0"


def test_arrows_values_and_the_copied_fen(page: Page, context: BrowserContext) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    expect(page.locator("#board .arrow")).not_to_have_count(0)
    page.locator("#arrows").uncheck()
    expect(page.locator("#board .arrow")).to_have_count(0)
    assert "arrows=0" in page.url
    page.locator("#values").check()
    expect(page.locator("#policy-rows td.value").first).to_have_text(re.compile(r"[+−]0\.\d\d"))
    page.locator("#copy-fen").click()
    expect(page.locator("#message")).to_have_text("FEN copied")
    assert page.evaluate("navigator.clipboard.readText()") == page.locator("#fen").inner_text()


def test_the_teacher_is_compared(page: Page) -> None:
    page.locator("#teacher").check()
    expect(page.locator("#teacher-text")).to_contain_text("Fake Teacher, depth 7: best a3")
    expect(page.locator('[data-move="a2a3"] td.teacher')).to_have_text("#2")
    expect(page.locator("#board .arrow.teacher")).to_have_count(1)
    page.locator("#teacher").uncheck()
    expect(page.locator("#board .arrow.teacher")).to_have_count(0)


def test_hard_positions_are_marked(page: Page) -> None:
    marked = page.evaluate(
        """async () => {
            const { hardPlies } = await import('/course.js');
            const flat = Array.from({ length: 20 }, () => ({ steps: 4, residual: 0.01 }));
            const uneven = flat.map((position, ply) => (ply === 7 ? { steps: 4, residual: 0.05 } : position));
            const long = flat.map((position, ply) => (ply === 3 ? { steps: 6, residual: 0.02 } : position));
            return [flat, uneven, long, uneven.slice(0, 7)].map((game) => [...hardPlies(game)]);
        }"""
    )
    assert marked == [[], [7], [3], []]
