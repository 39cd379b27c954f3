"""Plays with a UCI or xboard engine in its own process, which is restarted after it fails."""

import contextlib
import threading

import chess
import chess.engine

from engine.engine_command import join_words
from training.evaluation.engines.engine_protocols import Stopwatch, TimedUci, TimedXBoard
from training.evaluation.engines.engine_spec import EngineSpec
from training.evaluation.engines.match_player import ChosenMove, Thought
from training.evaluation.engines.time_control import NO_CLOCKS, ClockFace, TimeControl
from training.evaluation.failures import EvaluationError, MoveFailure, Resignation

HANDSHAKE_TIMEOUT_S = 30.0  # until `uciok`
READY_TIMEOUT_S = 600.0  # until `readyok`: loading and compiling a network takes minutes at worst
QUIT_TIMEOUT_S = 5.0
_INFO = chess.engine.INFO_BASIC | chess.engine.INFO_SCORE


class EnginePlayer:
    """Plays by asking an engine; satisfies `MatchPlayer`.

    Args:
      spec: the program, its options, and what each move may cost.

    Raises:
      EvaluationError: the program does not start, does not speak the protocol, or refuses an option.
    """

    def __init__(self, spec: EngineSpec) -> None:
        self._spec = spec
        self._games = 0
        self._closed = False
        self._engine: chess.engine.SimpleEngine | None = self._start_process()
        self._name = spec.name or self._engine.id.get("name") or join_words(spec.command)

    @property
    def name(self) -> str:
        """The name it was given, or else the engine's own."""
        return self._name

    @property
    def time_control(self) -> TimeControl | None:
        """The engine's clock, None if each move is limited by itself."""
        return self._spec.limit.clock

    @property
    def margin_s(self) -> float:
        """Seconds by which the engine may overstep its time."""
        return self._spec.margin_ms / 1000

    def start_game(self, number: int) -> None:
        """Sends `ucinewgame` (or `new`) with the next move; starts the process again if it has ended."""
        del number  # engines are not told
        self._games += 1
        if self._engine is None and not self._closed:
            self._engine = self._start_process()

    def choose_move(self, board: chess.Board, clocks: ClockFace = NO_CLOCKS) -> ChosenMove:
        """Returns the engine's move.

        Raises:
          MoveFailure: the move is illegal or missing, the process ended, or it answered too late.
          Resignation: the engine gave up (xboard).
        """
        engine = self._engine
        if engine is None:
            raise MoveFailure("crash", "the engine process has ended")
        allowed_s = self._allowed_s(board.turn, clocks)
        stalled = threading.Event()

        def give_up() -> None:
            # Closing the engine ends the wait below, whatever the engine is doing.
            stalled.set()
            engine.close()

        watchdog = threading.Timer(allowed_s + self._spec.stall_s, give_up)
        watchdog.daemon = True
        watchdog.start()
        try:
            answer = engine.play(board, self._go_limit(clocks), game=self._games, info=_INFO)
        except chess.engine.EngineTerminatedError as error:
            self._drop_process()
            if stalled.is_set():
                raise MoveFailure("stall", f"no move after {allowed_s + self._spec.stall_s:g} s") from error
            raise MoveFailure("crash", "the engine process ended") from error
        except chess.engine.EngineError as error:
            self._drop_process()
            raise MoveFailure("illegal move", str(error)) from error
        finally:
            watchdog.cancel()
        if answer.resigned:
            raise Resignation
        move = answer.move
        # python-chess lets the null move through as a move.
        if move is None or move not in board.legal_moves:
            raise MoveFailure("illegal move", f"bestmove {move.uci() if move else '(none)'}")
        thought = _thought(answer.info, _stopwatch(engine).elapsed_s())
        self._check_movetime(thought.elapsed_s)
        return ChosenMove(move=move, thought=thought)

    def close(self) -> None:
        """Ends the process: politely, then by force."""
        self._closed = True
        engine = self._engine
        if engine is None:
            return
        engine.timeout = QUIT_TIMEOUT_S
        with contextlib.suppress(chess.engine.EngineError, TimeoutError):
            engine.quit()
        self._drop_process()

    def _check_movetime(self, elapsed_s: float) -> None:
        movetime_ms = self._spec.limit.movetime_ms
        if movetime_ms is not None and elapsed_s * 1000 > movetime_ms + self._spec.margin_ms:
            raise MoveFailure("time loss", f"{elapsed_s * 1000:.0f} ms for movetime {movetime_ms}")

    def _go_limit(self, clocks: ClockFace) -> chess.engine.Limit:
        limit = self._spec.limit
        if limit.clock is None:
            movetime_s = None if limit.movetime_ms is None else limit.movetime_ms / 1000
            return chess.engine.Limit(nodes=limit.nodes, depth=limit.depth, time=movetime_s)
        return chess.engine.Limit(
            white_clock=clocks.white_s,
            black_clock=clocks.black_s,
            white_inc=clocks.white_increment_s,
            black_inc=clocks.black_increment_s,
            remaining_moves=clocks.moves_to_go,
            clock_id=self._games,  # xboard hears the time control once a game
        )

    def _allowed_s(self, color: chess.Color, clocks: ClockFace) -> float:
        if self._spec.limit.clock is not None:
            return clocks.left_s(color) or 0.0
        return (self._spec.limit.movetime_ms or 0) / 1000

    def _start_process(self) -> chess.engine.SimpleEngine:
        shown = join_words(self._spec.command)
        protocol = TimedUci if self._spec.protocol == "uci" else TimedXBoard
        try:
            # Its own process group: an interrupt at the terminal is for this program to handle.
            engine = chess.engine.SimpleEngine.popen(
                protocol, list(self._spec.command), timeout=HANDSHAKE_TIMEOUT_S, setpgrp=True
            )
        # TimeoutError is an OSError too, so it has to come first.
        except (TimeoutError, chess.engine.EngineError) as error:
            uci = self._spec.protocol == "uci"
            wanted = (
                "answers `uci` with `uciok`" if uci else "speaks xboard's protocol with the features ping, setboard"
            )
            reason = f"no answer in {HANDSHAKE_TIMEOUT_S:g} s" if isinstance(error, TimeoutError) else error
            raise EvaluationError(f"expected an engine that {wanted}, got {shown!r}: {reason}") from error
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
                f"expected options that {shown!r} takes, got {dict(self._spec.options)}: {error}"
            ) from error
        complaint = _stopwatch(engine).first_complaint
        if complaint is not None:
            engine.close()
            options = dict(self._spec.options)
            raise EvaluationError(f"expected {shown!r} to take the options {options}, got its complaint: {complaint}")
        if self._spec.limit.nodes is not None and not _counts_nodes(engine):
            engine.close()
            raise EvaluationError(f"expected depth, movetime or tc for {shown!r}, which cannot count nodes, got nodes")
        if self._spec.chess960 and not _plays_chess960(engine):
            engine.close()
            raise EvaluationError(f"expected an engine that plays Chess960, got {shown!r}, which does not")
        if self._closed:
            engine.close()
        return engine

    def _drop_process(self) -> None:
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.close()


def _stopwatch(engine: chess.engine.SimpleEngine) -> Stopwatch:
    protocol = engine.protocol
    assert isinstance(protocol, Stopwatch)
    return protocol


def _plays_chess960(engine: chess.engine.SimpleEngine) -> bool:
    protocol = engine.protocol
    if isinstance(protocol, chess.engine.XBoardProtocol):
        return "fischerandom" in str(protocol.features.get("variants"))
    return "UCI_Chess960" in engine.options


def _counts_nodes(engine: chess.engine.SimpleEngine) -> bool:
    protocol = engine.protocol
    return not isinstance(protocol, chess.engine.XBoardProtocol) or bool(protocol.features.get("nps"))


def _thought(info: chess.engine.InfoDict, elapsed_s: float) -> Thought:
    score = info["score"].relative if "score" in info else None
    return Thought(
        elapsed_s=round(elapsed_s, 4),
        score_cp=None if score is None else score.score(),
        mate=None if score is None else score.mate(),
        depth=info.get("depth"),
        nodes=info.get("nodes"),
    )
