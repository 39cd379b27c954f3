"""Does the work of the worker thread: loads the network, opens files and answers what needs them."""

import dataclasses
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

import chess

from engine.bench import BENCH_POSITIONS, run_bench
from engine.player.choice import MoveSelection, position_after
from engine.player.endgame_tables import EndgameTables, MissingFoldersError, TablesError
from engine.player.evaluation_cache import CachedEvaluator
from engine.player.evaluator import EncodedEvaluator, RecursiveEvaluator
from engine.player.player import Player, Thought
from engine.player.polyglot_book import BookError, PolyglotBook
from engine.uci.commands import Go, shown
from engine.uci.go_request import analysis_s, answer_delay_s, request_of
from engine.uci.held_answer import NO_MOVE, HeldAnswer
from engine.uci.info_lines import (
    Cost,
    InfoForm,
    bestmove_line,
    finished_line,
    info_lines,
    lookahead_line,
    solver_line,
    verbose_stats,
)
from engine.uci.options import Settings, WeightsRequest
from engine.uci.position_setup import legal_move
from engine.uci.protocol_streams import ProtocolOutput
from engine.uci.terminal_reports import evaluation_report, perft_lines

LoadEvaluator = Callable[[WeightsRequest], RecursiveEvaluator]

# Half-moves to which a line is lengthened for the reader.
_LONGEST_LINE = 8


class Thinking:
    """Holds the network, the player and the files in use. Every method may block.

    Args:
      output: where every line goes.
      load_evaluator: loads a network, compiled and ready.
      is_wanted: polled; whether other work waits, for which lines are left as long as they are.
    """

    def __init__(self, output: ProtocolOutput, load_evaluator: LoadEvaluator, is_wanted: Callable[[], bool]) -> None:
        self._is_wanted = is_wanted
        self._output = output
        self._load_evaluator = load_evaluator
        self._tried: WeightsRequest | None = None  # the last network asked for
        self._problem = ""  # why it could not be loaded, in one line, or ""
        self._settings = Settings()  # those followed last
        self._seed: int | None = None
        self._selection: MoveSelection = "policy"  # the last one asked for that the network can make
        self._network: RecursiveEvaluator | None = None
        self._cache: CachedEvaluator | None = None
        self._player: Player | None = None
        self._book: PolyglotBook | None = None
        self._tables: EndgameTables | None = None

    def follow(self, settings: Settings) -> None:
        """Applies settings that have changed to the player, the cache and the files."""
        before, self._settings = self._settings, settings
        if settings.book_file != before.book_file:
            self._change_book(settings.book_file)
        if settings.syzygy_path != before.syzygy_path:
            self._change_tables(settings.syzygy_path)
        if self._cache is None:
            return
        if (settings.recursion_steps, settings.selection) != (before.recursion_steps, before.selection):
            self._start_player(settings)
        if settings.hash_clears != before.hash_clears:
            self._cache.clear()
        self._cache.resize(settings.hash_mb)

    def load(self, request: WeightsRequest) -> None:
        """Loads a network unless it is the one in use; if that fails, the network before it stays."""
        if self._tried is not None and self._tried.is_loaded_like(request) and not self._problem:
            return
        self._tried = request
        try:
            self._network = self._load_evaluator(request)
        except Exception as error:  # a library may fail in any way on a damaged folder
            if not isinstance(error, ValueError):
                traceback.print_exc(file=sys.stderr)
            self._problem = " ".join(f"{error}".split()) or type(error).__name__
            kept = "the network loaded before plays on" if self._player else "no move is given"
            self._output.write_error(f"{self._problem}; {kept}")
            return
        self._problem = ""
        self._start_player(self._settings)

    def start_game(self, seed: int) -> None:
        """Restarts the random numbers; a seed below 0 asks for fresh ones."""
        self._seed = None if seed < 0 else seed
        if self._player is not None:
            self._player.new_game(self._seed)

    def answer(self, board: chess.Board, go: Go, settings: Settings, debug: bool, answer: HeldAnswer) -> None:
        """Writes the info lines of a go and gives its answer, `bestmove (none)` if there is no move."""
        started_s = time.monotonic()
        form = InfoForm(show_wdl=settings.show_wdl, score_type=settings.score_type)
        if not any(board.legal_moves):
            answer.show([finished_line(board, form)])
            answer.give(NO_MOVE)
            return
        if self._player is None or self._cache is None:
            self._output.write_error(f"no network is loaded: {self._problem}")
            answer.give(NO_MOVE)
            return
        player, cache = self._player, self._cache
        settings = dataclasses.replace(settings, selection=self._selection)
        request = request_of(board, go, settings, self._allowed_moves(board, go), self._book, self._tables)
        thought = player.think(board, request)
        if debug:
            cache_line = f"info string cache hits {cache.hits} of {cache.lookups}"
            lines = (solver_line(thought), lookahead_line(thought), cache_line)
            self._output.write(*filter(None, lines))
        if settings.verbose_move_stats:
            self._output.write(*verbose_stats(board, thought))

        def show(pvs: Sequence[Sequence[chess.Move]], more_nodes: int) -> bool:
            elapsed_s = time.monotonic() - started_s
            cost = Cost(nodes=thought.nodes + more_nodes, elapsed_s=elapsed_s, hash_permille=cache.permille_full)
            return answer.show(info_lines(thought, pvs, cost, form))

        show([line.pv for line in thought.lines], 0)
        best = bestmove_line(thought, tell_reply=settings.ponder)
        if go.infinite:
            answer.give(best)  # `stop` releases it without waiting for an evaluation
        spare_s = analysis_s(go, request.budget_s)
        if spare_s:
            try:
                _lengthen(
                    board, thought, player, started_s + spare_s, lambda: answer.released or self._is_wanted(), show
                )
            except Exception as error:  # the move is known, and a longer line is only for the reader
                self._output.write_failure(error)
        if not go.infinite:
            answer.give(best, answer_delay_s(board, go, settings, time.monotonic() - started_s))

    def report(self, board: chess.Board) -> None:
        """Writes the evaluation of a position for people."""
        if not any(board.legal_moves):
            self._output.write("No legal moves: " + ("mated" if board.is_check() else "stalemate"))
        elif self._cache is None:
            self._output.write_error(f"no network is loaded: {self._problem}")
        else:
            self._output.write(*evaluation_report(self._cache.evaluate([board])[0]))

    def count(self, board: chess.Board, depth: int, answer: HeldAnswer) -> None:
        """Counts the positions after so many half-moves, until `stop`."""
        for line in perft_lines(board, depth, lambda: answer.stopped or self._output.closed):
            self._output.write(line)

    def bench(self) -> None:
        """Evaluates the positions of the benchmark once and writes the result."""
        if self._network is None:
            self._output.write_error(f"no network is loaded: {self._problem}")
            return
        boards = [chess.Board(fen) for fen in BENCH_POSITIONS]
        self._output.write(*run_bench(self._limited(self._network, self._settings), boards, rounds=1).lines())

    def _start_player(self, settings: Settings) -> None:
        """Makes a player with an empty cache, since the remembered evaluations no longer hold."""
        assert self._network is not None
        evaluator = self._limited(self._selecting(self._network, settings.selection), settings)
        self._cache = CachedEvaluator(evaluator, settings.hash_mb)
        self._player = Player(self._cache, self._seed, self._network.batch)

    def _selecting(self, network: RecursiveEvaluator, asked: MoveSelection) -> RecursiveEvaluator:
        """Returns the network with its policy improved if that is asked for; if it cannot, the last selection stays."""
        if asked == "cmpo":
            try:
                network = network.with_improved_policy()
            except ValueError as error:
                self._selection = "policy" if self._selection == "cmpo" else self._selection
                self._output.write_error(f"{error}; {self._selection} stays")
                return network
        if asked == "lookahead":
            network.expect_pairs()  # most comparisons are of two moves
        self._selection = asked
        return network

    def _limited(self, network: RecursiveEvaluator, settings: Settings) -> EncodedEvaluator:
        """Returns the network with the step limit asked for, or with its own if it cannot make so many steps."""
        try:
            return network.with_step_limit(settings.recursion_steps)
        except ValueError as error:
            self._output.write_error(f"RecursionSteps: {error}; the network's own number is used")
            return network.with_step_limit(0)

    def _allowed_moves(self, board: chess.Board, go: Go) -> frozenset[chess.Move]:
        moves = {text: legal_move(board, text) for text in go.searchmoves}
        illegal = " ".join(text for text, move in moves.items() if move is None)
        if illegal:
            self._output.write_error(f"expected legal moves for searchmoves, got {shown(illegal)}")
        return frozenset(move for move in moves.values() if move is not None)

    def _change_book(self, file: Path | None) -> None:
        if self._book is not None:
            self._book.close()
            self._book = None
        if file is not None:
            try:
                self._book = PolyglotBook(file)
            except BookError as error:
                self._output.write_error(str(error))

    def _change_tables(self, folders: str) -> None:
        if self._tables is not None:
            self._tables.close()
            self._tables = None
        if not folders.strip():
            return
        try:
            self._tables = EndgameTables(folders)
        except MissingFoldersError as error:  # no error: the stock settings of lichess-bot name a folder
            self._output.write_note(str(error))
        except TablesError as error:
            self._output.write_error(str(error))
        else:
            for problem in self._tables.problems:
                self._output.write_error(problem)
            self._output.write_note(f"endgame tables with up to {self._tables.largest} pieces")


def _lengthen(
    board: chess.Board,
    thought: Thought,
    player: Player,
    deadline_s: float,
    is_over: Callable[[], bool],
    show: Callable[[Sequence[Sequence[chess.Move]], int], bool],
) -> None:
    """Lengthens every line by the moves that the network expects, one evaluation at a time, for the reader only.

    Lines grow by one half-move in turn and are shown together, until all have eight or end with the game. Neither a
    score nor the answer depends on it.

    Args:
      board: the position.
      thought: the lines.
      player: says which moves are expected.
      deadline_s: on the monotonic clock; infinite for none.
      is_over: polled; whether nobody waits for more.
      show: writes the lines, given their moves and the number of evaluations made here.
    """
    pvs = [list(line.pv) for line in thought.lines]
    ends = [board] * len(pvs)
    for rank, pv in enumerate(pvs):
        for move in pv:
            ends[rank] = position_after(ends[rank], move)
    nodes = 0
    for plies in range(2, _LONGEST_LINE + 1):
        shown_plies = sum(map(len, pvs))
        for rank, pv in enumerate(pvs):
            if is_over():
                return
            expected = player.expected_move(ends[rank], deadline_s) if len(pv) == plies - 1 else None
            if expected is not None:
                nodes += 1
                pv.append(expected)
                ends[rank] = position_after(ends[rank], expected)
        if sum(map(len, pvs)) > shown_plies and not show(pvs, nodes):
            return
