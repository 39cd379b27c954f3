"""Actions of a person on the page, in Playwright's terms."""

from playwright.sync_api import Page, expect

from engine.view.local_server import LocalServer


def visit(page: Page, server: LocalServer, fragment: str) -> None:
    """Opens a state of the page and waits until it is drawn."""
    page.goto("about:blank")
    page.goto(server.url + fragment)
    expect(page.locator("#fen")).not_to_be_empty()


def square_at(page: Page, square: str) -> tuple[float, float]:
    """Returns the middle of a square in pixels."""
    box = page.locator(f'#board rect.square[data-square="{square}"]').bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def click_square(page: Page, square: str) -> None:
    page.mouse.click(*square_at(page, square))


def type_move(page: Page, text: str) -> None:
    page.locator("#move").fill(text)
    page.locator("#move").press("Enter")


def move_count(page: Page) -> int:
    return page.locator("#moves button").count()
