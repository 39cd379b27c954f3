"""Talks to the engine in this process, with an evaluator that needs no network."""

import io
import time
from collections.abc import Callable

from engine.uci.options import WeightsRequest
from engine.uci.protocol_streams import ProtocolOutput
from engine.uci.uci_loop import UciLoop
from tests.doubles.fake_evaluator import FakeEvaluator

MATED = "position fen 3R2k1/5ppp/8/8/8/8/8/6K1 b - - 0 1"


class Talk:
    """A session whose answers are read line by line."""

    def __init__(self, load: Callable[[WeightsRequest], FakeEvaluator] | None = None, patience_s: float = 5.0) -> None:
        self._patience_s = patience_s
        self.requests: list[WeightsRequest] = []
        self.evaluator = FakeEvaluator({"e2e4": 4.0, "d2d4": 2.0, "e7e5": 3.0})
        self._stream = io.StringIO()
        self._load = load or (lambda _: self.evaluator)
        self.loop = UciLoop(ProtocolOutput(self._stream), self._load_and_note)

    def _load_and_note(self, request: WeightsRequest) -> FakeEvaluator:
        self.requests.append(request)
        return self._load(request)

    def say(self, *lines: str) -> list[str]:
        """Returns what is printed until the worker thread has nothing left to do."""
        for line in lines:
            assert self.loop.handle(line)
        deadline_s = time.monotonic() + self._patience_s
        while self.loop.controller.busy:
            assert time.monotonic() < deadline_s
            time.sleep(0.0005)
        return self.take()

    def take(self) -> list[str]:
        """Returns what was printed since the last time."""
        text = self._stream.getvalue()
        self._stream.seek(0)
        self._stream.truncate()
        return text.splitlines()


def bestmoves(lines: list[str]) -> list[str]:
    """Returns the answers among the lines."""
    return [line for line in lines if line.startswith("bestmove")]


def info_fields(info: str) -> dict[str, str]:
    """Returns the numbers of an info line by their names."""
    words = info.split()
    names = ("depth", "seldepth", "multipv", "nodes", "nps", "hashfull", "time", "cp", "mate")
    return {word: words[i + 1] for i, word in enumerate(words[:-1]) if word in names}
