"""The page as a web site: its files, the men, and the calls of `view_api`."""

from pathlib import Path

from engine.view.board_svg import piece_sprite
from engine.view.local_server import Reply, Site, files_below
from engine.view.view_api import ViewApi


def view_site(api: ViewApi) -> Site:
    """Returns what the server of the page offers."""
    files = files_below(Path(__file__).with_name("static"))
    files["/pieces.svg"] = Reply("image/svg+xml", piece_sprite().encode())
    calls = {
        "/api/position": api.position,
        "/api/attention": api.attention,
        "/api/game": api.game,
        "/api/course": api.course,
        "/api/teacher": api.teacher,
        "/api/picture": api.picture,
        "/api/explanation": api.explanation,
        "/api/successors": api.successors,
        "/api/worth": api.worth,
        "/api/other": api.other,
    }
    return Site(files=files, pages={"/api/info": api.info}, calls=calls)
