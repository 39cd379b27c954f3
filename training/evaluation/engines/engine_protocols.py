"""Extends python-chess's engine protocols by a stopwatch, and logs the conversation.

The stopwatch runs from `go` to the answer: a new game, options and the position before it are not the engine's
thinking time, and handling the answer is ours. A process that does not speak the protocol is killed at once.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import ClassVar

import chess.engine

from training.evaluation.failures import EvaluationError

_COMPLAINT = "info string error:"


class Stopwatch(chess.engine.Protocol):
    """Measures how long the engine took for its last answer."""

    asked_s = 0.0
    answered_s = 0.0
    first_complaint: str | None = None  # made by the engine before the first `go`
    running: ClassVar[set["Stopwatch"]] = set()  # whose process has not ended

    @classmethod
    def kill_all(cls) -> None:
        """Kills the engines still running, so that python-chess's threads end and Python can exit."""
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
        """Reads a line from the engine; a move stops the stopwatch."""
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
    """Kills the process if the block fails, and waits until it has ended, which python-chess does not."""
    try:
        yield
    except BaseException:  # including a cancellation when the time is up
        if protocol.transport is not None and protocol.transport.get_returncode() is None:
            protocol.transport.kill()
        await protocol.returncode
        raise


class TimedUci(Stopwatch, chess.engine.UciProtocol):
    """Times an engine that speaks the Universal Chess Interface."""

    async def initialize(self) -> None:
        """Performs the handshake."""
        async with _gone_on_failure(self):
            await super().initialize()


class TimedXBoard(Stopwatch, chess.engine.XBoardProtocol):
    """Times an engine that speaks the Chess Engine Communication Protocol of xboard."""

    async def initialize(self) -> None:
        """Performs the handshake."""
        async with _gone_on_failure(self):
            await super().initialize()


@contextmanager
def engine_log(path: Path | None) -> Iterator[None]:
    """Logs every line sent to and received from engines while the block runs.

    Without a file, the warnings of python-chess and asyncio about an engine (such as one that ends early) are kept off
    the terminal as well.

    Args:
      path: overwritten; None to write nothing.

    Raises:
      EvaluationError: the file cannot be written.
    """
    loggers = [logging.getLogger(name) for name in ("chess.engine", "asyncio")]
    try:
        handler = logging.NullHandler() if path is None else logging.FileHandler(path, mode="w", encoding="utf-8")
    except OSError as error:
        raise EvaluationError(f"expected a writable file for --engine-log, got {path}: {error.strerror}") from error
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    before = [(logger.level, logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.propagate = False
        if path is not None:
            logger.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        for logger, (level, propagate) in zip(loggers, before, strict=True):
            logger.removeHandler(handler)
            logger.setLevel(level)
            logger.propagate = propagate
        handler.close()
