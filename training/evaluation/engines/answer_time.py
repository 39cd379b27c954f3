"""python-chess's engine protocols with a stopwatch from `go` to the answer.

What lies before `go` (a new game, options, the position) is not the engine's thinking time, and
what lies after its answer is ours. A process that does not speak the protocol is ended at once.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import ClassVar

import chess.engine

_COMPLAINT = "info string error:"


class Stopwatch(chess.engine.Protocol):
    """Measures the last answer of an engine."""

    asked_s = 0.0
    answered_s = 0.0
    first_complaint: str | None = None  # that the engine made before the first `go`
    running: ClassVar[set["Stopwatch"]] = set()  # those whose process has not ended

    @classmethod
    def kill_all(cls) -> None:
        """Ends the engines that still run: python-chess's threads, which Python waits for, end with them."""
        for protocol in list(cls.running):
            if protocol.transport is not None and protocol.transport.get_returncode() is None:
                protocol.transport.kill()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Notes that a process has started."""
        super().connection_made(transport)
        self.running.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Notes that the process has ended."""
        self.running.discard(self)
        super().connection_lost(exc)

    def send_line(self, line: str) -> None:
        """Sends a line; `go` starts the stopwatch."""
        if line == "go" or line.startswith("go "):
            self.asked_s = time.monotonic()
        super().send_line(line)

    def line_received(self, line: str) -> None:
        """Notes a line of the engine; a move stops the stopwatch."""
        if line.startswith(("bestmove", "move ")):
            self.answered_s = time.monotonic()
        elif not self.asked_s and line.startswith(_COMPLAINT):
            self.first_complaint = self.first_complaint or line.removeprefix(_COMPLAINT).strip()
        super().line_received(line)

    def elapsed_s(self) -> float:
        """Returns the seconds the last answer took."""
        return max(self.answered_s - self.asked_s, 0.0)


@asynccontextmanager
async def _gone_on_failure(protocol: chess.engine.Protocol) -> AsyncIterator[None]:
    """Ends the process if the block fails, and waits for its end, which python-chess does not."""
    try:
        yield
    except BaseException:  # also a cancellation, when the time allowed is over
        if protocol.transport is not None and protocol.transport.get_returncode() is None:
            protocol.transport.kill()
        await protocol.returncode
        raise


class TimedUci(Stopwatch, chess.engine.UciProtocol):
    """The Universal Chess Interface, timed."""

    async def initialize(self) -> None:
        """Begins the conversation."""
        async with _gone_on_failure(self):
            await super().initialize()


class TimedXBoard(Stopwatch, chess.engine.XBoardProtocol):
    """The Chess Engine Communication Protocol of xboard, timed."""

    async def initialize(self) -> None:
        """Begins the conversation."""
        async with _gone_on_failure(self):
            await super().initialize()
