"""A UCI engine in its own process, restarted after it fails."""

import contextlib
import shlex
import threading
import time

import chess
import chess.engine

from training.evaluation.engine_spec import EngineSpec
from training.evaluation.evaluation_error import EvaluationError
from training.evaluation.match_player import MoveFailure

HANDSHAKE_TIMEOUT_S = 30.0  # until `uciok`
READY_TIMEOUT_S = 600.0  # until `readyok`: loading and compiling a network takes minutes at worst
QUIT_TIMEOUT_S = 5.0


class UciPlayer:
    """Plays by asking a UCI engine; satisfies `MatchPlayer`.

    Args:
      spec: which program, its options, and what each move may cost.

    Raises:
      EvaluationError: the program does not start, does not speak UCI, or refuses an option.
    """

    def __init__(self, spec: EngineSpec) -> None:
        self._spec = spec
        self._games = 0
        self._engine: chess.engine.SimpleEngine | None = self._start_process()
        self._name = self._engine.id.get("name") or shlex.join(spec.command)

    @property
    def name(self) -> str:
        """The engine's `id name`."""
        return self._name

    def start_game(self) -> None:
        """Sends `ucinewgame` with the next move; starts the process again if it has ended."""
        self._games += 1
        if self._engine is None:
            self._engine = self._start_process()

    def choose_move(self, board: chess.Board) -> chess.Move:
        """Returns the engine's `bestmove`.

        Raises:
          MoveFailure: the move is illegal or missing, the process ended, or it answered too late.
        """
        if self._engine is None:
            raise MoveFailure("crash", "the engine process has ended")
        started_s = time.monotonic()
        # Closing the engine from the timer ends the wait below, whatever the engine is doing.
        watchdog = threading.Timer(self._deadline_s(), self._engine.close)
        watchdog.start()
        try:
            move = self._engine.play(board, self._go_limit(), game=self._games).move
        except chess.engine.EngineTerminatedError as error:
            late = time.monotonic() - started_s >= self._deadline_s()
            self._drop_process()
            if late:
                raise MoveFailure("time loss", f"no move after {self._deadline_s():g} s") from error
            raise MoveFailure("crash", "the engine process ended") from error
        except chess.engine.EngineError as error:
            self._drop_process()
            raise MoveFailure("illegal move", str(error)) from error
        finally:
            watchdog.cancel()
        # python-chess lets the null move through as a move.
        if move is None or move not in board.legal_moves:
            raise MoveFailure("illegal move", f"bestmove {move.uci() if move else '(none)'}")
        self._check_movetime((time.monotonic() - started_s) * 1000)
        return move

    def close(self) -> None:
        """Ends the process: politely, then by force."""
        if self._engine is None:
            return
        self._engine.timeout = QUIT_TIMEOUT_S
        with contextlib.suppress(chess.engine.EngineError, TimeoutError):
            self._engine.quit()
        self._drop_process()

    def _check_movetime(self, elapsed_ms: float) -> None:
        allowed_ms = self._spec.limit.movetime_ms
        if allowed_ms is not None and elapsed_ms > allowed_ms + self._spec.limit.overrun_ms:
            raise MoveFailure("time loss", f"{elapsed_ms:.0f} ms for movetime {allowed_ms}")

    def _go_limit(self) -> chess.engine.Limit:
        movetime_ms = self._spec.limit.movetime_ms
        return chess.engine.Limit(
            nodes=self._spec.limit.nodes,
            depth=self._spec.limit.depth,
            time=None if movetime_ms is None else movetime_ms / 1000,
        )

    def _deadline_s(self) -> float:
        return self._spec.limit.hang_s + (self._spec.limit.movetime_ms or 0) / 1000

    def _start_process(self) -> chess.engine.SimpleEngine:
        shown = shlex.join(self._spec.command)
        try:
            engine = chess.engine.SimpleEngine.popen_uci(list(self._spec.command), timeout=HANDSHAKE_TIMEOUT_S)
        # TimeoutError is an OSError too, so it has to come first.
        except (TimeoutError, chess.engine.EngineError) as error:
            raise EvaluationError(
                f"expected an engine that answers `uci` with `uciok`, got none from {shown!r}"
            ) from error
        except OSError as error:
            raise EvaluationError(f"expected an engine that starts, got {shown!r}: {error.strerror}") from error
        try:
            engine.timeout = READY_TIMEOUT_S
            engine.configure(dict(self._spec.options))
            engine.ping()
        except chess.engine.EngineTerminatedError as error:
            engine.close()
            raise EvaluationError(f"expected `readyok` from {shown!r}, got its end before that") from error
        except TimeoutError as error:
            engine.close()
            raise EvaluationError(
                f"expected `readyok` from {shown!r} within {READY_TIMEOUT_S:g} s, got none"
            ) from error
        except chess.engine.EngineError as error:
            engine.close()
            raise EvaluationError(
                f"expected UCI options that {shown!r} takes, got {dict(self._spec.options)}: {error}"
            ) from error
        return engine

    def _drop_process(self) -> None:
        if self._engine is not None:
            self._engine.close()
            self._engine = None
