"""The jobs of the worker thread that need the network: load it, answer a go, report `eval` and `bench`."""

import dataclasses
import time

import chess

from engine.bench import BENCH_POSITIONS, run_bench
from engine.player.choice import MoveSelection
from engine.player.evaluation_cache import CachedEvaluator
from engine.player.evaluator import Evaluator, RecursiveEvaluator
from engine.player.player import Player
from engine.uci.commands import Go, shown
from engine.uci.evaluation_report import evaluation_report
from engine.uci.go_request import answer_delay_s, request_of
from engine.uci.held_answer import HeldAnswer
from engine.uci.info_lines import NO_MOVE, InfoForm, bestmove_line, finished_line, info_lines, solver_line
from engine.uci.network_slot import NetworkSlot
from engine.uci.position_setup import legal_move
from engine.uci.protocol_streams import ProtocolOutput
from engine.uci.reference_files import ReferenceFiles
from engine.uci.settings import Settings
from engine.uci.verbose_stats import verbose_stats


class Thinking:
    """Holds the cache and the player of the network in use. Every method may block."""

    def __init__(self, output: ProtocolOutput, slot: NetworkSlot) -> None:
        self._output = output
        self._slot = slot
        self._files = ReferenceFiles(output)
        self._seed: int | None = None
        self._steps = 0  # the limit that was asked for
        self._asked: MoveSelection = "policy"
        self._selection: MoveSelection = "policy"  # the last one asked for that the network can make
        self._network: RecursiveEvaluator | None = None
        self._cache: CachedEvaluator | None = None
        self._player: Player | None = None

    def follow(self, settings: Settings) -> None:
        """Opens the files that the settings name, and limits the recursion and the cache as they say."""
        self._files.follow(settings)
        if self._cache is not None:
            if (settings.recursion_steps, settings.selection) != (self._steps, self._asked):
                self._start_player(settings)
            self._cache.resize(settings.hash_mb)

    def load(self, settings: Settings) -> None:
        """Loads the network that was asked for and says so if that fails."""
        while not self._slot.settled:  # another one may be asked for during the load
            network = self._slot.load()
            if network is not None:
                self._network = network
                self._start_player(settings)
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
        form = InfoForm(show_wdl=settings.show_wdl, score_type=settings.score_type)
        if not any(board.legal_moves):
            self._output.write(finished_line(board, form))
            answer.give(NO_MOVE)
            return
        if self._player is None or self._cache is None:
            self._output.write_error(f"no network is loaded: {self._slot.problem}")
            answer.give(NO_MOVE)
            return
        settings = dataclasses.replace(settings, selection=self._selection)
        request = request_of(board, go, settings, self._allowed_moves(board, go), self._files)
        thought = self._player.think(board, request)
        elapsed_s = time.monotonic() - started_s
        if debug:
            cache_line = f"info string cache hits {self._cache.hits} of {self._cache.lookups}"
            self._output.write(solver_line(thought), cache_line)
        if settings.verbose_move_stats:
            self._output.write(*verbose_stats(board, thought))
        self._output.write(*info_lines(thought, elapsed_s, self._cache.permille_full, form))
        delay_s = answer_delay_s(board, go, settings, time.monotonic() - started_s)
        answer.give(bestmove_line(thought, tell_reply=settings.ponder), delay_s)

    def report(self, board: chess.Board) -> None:
        """Prints the evaluation of a position for people."""
        if not any(board.legal_moves):
            self._output.write("No legal moves: " + ("mated" if board.is_check() else "stalemate"))
        elif self._cache is None:
            self._output.write_error(f"no network is loaded: {self._slot.problem}")
        else:
            self._output.write(*evaluation_report(self._cache.evaluate([board])[0]))

    def bench(self) -> None:
        """Evaluates the positions of the benchmark once and prints the result."""
        if self._network is None:
            self._output.write_error(f"no network is loaded: {self._slot.problem}")
            return
        boards = [chess.Board(fen) for fen in BENCH_POSITIONS]
        self._output.write(*run_bench(self._limited(self._network), boards, rounds=1).lines())

    def _start_player(self, settings: Settings) -> None:
        """Makes a player with an empty cache, since the remembered evaluations no longer hold."""
        assert self._network is not None
        self._steps, self._asked = settings.recursion_steps, settings.selection
        self._cache = CachedEvaluator(self._limited(self._selecting(self._network)), settings.hash_mb)
        self._player = Player(self._cache, self._seed, self._network.batch)

    def _selecting(self, network: RecursiveEvaluator) -> RecursiveEvaluator:
        """Returns the network with its policy improved if that is asked for; if it cannot, the last selection stays."""
        if self._asked == "cmpo":
            try:
                network = network.with_improved_policy()
            except ValueError as error:
                self._selection = "policy" if self._selection == "cmpo" else self._selection
                self._output.write_error(f"{error}; {self._selection} stays")
                return network
        self._selection = self._asked
        return network

    def _limited(self, network: RecursiveEvaluator) -> Evaluator:
        """Returns the network with the limit asked for, or with its own, saying so, if it cannot make so many steps."""
        try:
            return network.with_step_limit(self._steps)
        except ValueError as error:
            self._output.write_error(f"RecursionSteps: {error}; the network's own number is used")
            return network.with_step_limit(0)

    def _allowed_moves(self, board: chess.Board, go: Go) -> frozenset[chess.Move]:
        moves = {text: legal_move(board, text) for text in go.searchmoves}
        illegal = " ".join(text for text, move in moves.items() if move is None)
        if illegal:
            self._output.write_error(f"expected legal moves for searchmoves, got {shown(illegal)}")
        return frozenset(move for move in moves.values() if move is not None)
