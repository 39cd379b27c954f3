"""The page's calls on the tiny network, and what they say."""

import contextlib
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.view.local_server import LocalServer
from engine.view.teacher_values import Teacher
from engine.view.view_api import ViewApi, view_site
from tests.doubles.talk_http import call, serving
from tests.doubles.tiny_view import open_tiny

MATE_IN_ONE = "r1bqkbnr/pppp1ppp/2n5/4p3/2B1P3/5Q2/PPPP1PPP/RNB1K1NR w KQkq - 4 4"


@contextlib.contextmanager
def serving_tiny() -> Iterator[LocalServer]:
    """Serves the tiny network and a teacher that answers at once."""
    teacher = Teacher(shlex.join([sys.executable, str(Path(__file__).with_name("fake_teacher.py"))]), 0.05)
    try:
        with serving(view_site(ViewApi(open_tiny(), teacher))) as running:
            yield running
    finally:
        teacher.close()


def answered(server: LocalServer, name: str, body: dict[str, Any]) -> Any:
    answer = call(server, f"/api/{name}", body)
    assert answer.status == 200, answer.body
    return answer.json()
