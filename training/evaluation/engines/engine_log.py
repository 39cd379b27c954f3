"""The conversation with engines: into a file if one is named, otherwise nowhere."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from training.evaluation.engines.evaluation_error import EvaluationError


@contextmanager
def engine_log(path: Path | None) -> Iterator[None]:
    """Writes every line sent to and received from an engine while the block runs.

    Without a file, what python-chess and asyncio find odd about an engine, such as one that ends before it is
    listened to, does not reach the terminal either.

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
