"""The jobs of the worker thread that need the network: load it, answer a go, report `eval`."""

import time

import chess

from engine.player.evaluation_cache import CachedEvaluator
from engine.player.player import Player, Request
from engine.uci.commands import Go, shown
from engine.uci.evaluation_report import evaluation_report
from engine.uci.held_answer import HeldAnswer
from engine.uci.info_lines import (
    NO_MOVE,
    bestmove_line,
    finished_line,
    info_lines,
    solver_line,
)
from engine.uci.network_slot import NetworkSlot
from engine.uci.options import Settings
from engine.uci.position_setup import legal_move
from engine.uci.protocol_streams import ProtocolOutput
from engine.uci.time_budget import budget_s


class Thinking:
    """Holds the cache and the player of the network in use. Every method may block."""

    def __init__(self, output: ProtocolOutput, slot: NetworkSlot) -> None:
        self._output = output
        self._slot = slot
        self._seed: int | None = None
        self._cache: CachedEvaluator | None = None
        self._player: Player | None = None

    def prepare(self, settings: Settings) -> None:
        """Loads the network that was asked for and says so if that fails."""
        while not self._slot.settled:  # another one may be asked for during the load
            evaluator = self._slot.load()
            if evaluator is not None:
                self._cache = CachedEvaluator(evaluator, settings.hash_mb)
                self._player = Player(self._cache, self._seed)
            if self._slot.problem:
                kept = "the network loaded before plays on" if self._player else "no move is given"
                self._output.write_error(f"{self._slot.problem}; {kept}")

    def start_game(self, seed: int) -> None:
        """Restarts the random numbers; a seed below 0 asks for fresh ones."""
        self._seed = None if seed < 0 else seed
        if self._player is not None:
            self._player.new_game(self._seed)

    def clear_cache(self) -> None:
        """Forgets the evaluations remembered."""
        if self._cache is not None:
            self._cache.clear()

    def answer(self, board: chess.Board, go: Go, settings: Settings, debug: bool, answer: HeldAnswer) -> None:
        """Prints the info lines of a go and gives its answer, `bestmove (none)` if need be."""
        started_s = time.monotonic()
        if not any(board.legal_moves):
            self._output.write(finished_line(board, settings.show_wdl))
            answer.give(NO_MOVE)
            return
        if self._player is None or self._cache is None:
            self._output.write_error(f"no network is loaded: {self._slot.problem}")
            answer.give(NO_MOVE)
            return
        self._cache.resize(settings.hash_mb)
        request = Request(
            allowed=self._allowed_moves(board, go),
            lines=settings.multipv,
            temperature=0.0 if settings.analyse_mode else settings.temperature,
            want_reply=settings.ponder,
            budget_s=budget_s(go, board.turn == chess.WHITE, settings.overhead_ms),
        )
        thought = self._player.think(board, request)
        elapsed_s = time.monotonic() - started_s
        if debug:
            self._output.write(solver_line(thought), self._cache_line(self._cache))
        self._output.write(*info_lines(thought, elapsed_s, self._cache.permille_full, settings.show_wdl))
        answer.give(bestmove_line(thought, tell_reply=settings.ponder))

    def report(self, board: chess.Board) -> None:
        """Prints the evaluation of a position for people."""
        if not any(board.legal_moves):
            self._output.write("No legal moves: " + ("mated" if board.is_check() else "stalemate"))
        elif self._cache is None:
            self._output.write_error(f"no network is loaded: {self._slot.problem}")
        else:
            self._output.write(*evaluation_report(self._cache.evaluate([board])[0]))

    def _allowed_moves(self, board: chess.Board, go: Go) -> frozenset[chess.Move]:
        moves = {text: legal_move(board, text) for text in go.searchmoves}
        illegal = " ".join(text for text, move in moves.items() if move is None)
        if illegal:
            self._output.write_error(f"expected legal moves for searchmoves, got {shown(illegal)}")
        return frozenset(move for move in moves.values() if move is not None)

    def _cache_line(self, cache: CachedEvaluator) -> str:
        return f"info string cache hits {cache.hits} of {cache.lookups}"
