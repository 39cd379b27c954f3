"""Makes lines that a chess program, a broken one or a cat on the keyboard might send, and judges the answers."""

import random
import string
from collections import deque

import chess

from engine.uci.commands import Bare, Go, Invalid, Position, SetOption, parse_command
from engine.uci.options import OPTIONS
from engine.uci.position_setup import PositionError, new_game

_FENS = (
    chess.STARTING_FEN,
    "r3k2r/p1ppqpb1/bn2pnp1/3PN3/1p2P3/2N2Q1p/PPPBBPPP/R3K2R w KQkq - 0 1",
    "8/2p5/3p4/KP5r/1R3p1k/8/4P1P1/8 w - - 0 1",
    "rnbqkbnr/ppp1p1pp/8/3pPp2/8/8/PPPP1PPP/RNBQKBNR w KQkq f6 0 3",
    "4k3/P6P/8/8/8/8/p6p/4K3 b - -",
    "7k/5K2/6Q1/8/8/8/8/8 b - - 0 1",
    "3R2k1/5ppp/8/8/8/8/8/6K1 b - - 0 1",
    "bqnb1rkr/pp3ppp/3ppn2/2p5/5P2/P2P4/NPP1P1PP/BQ1BNRKR w HFhf - 2 9",
    "8/8/8/8/8/8/8/8 w - - 0 1",
    "pppppppp/pppppppp/pppppppp/pppppppp/PPPPPPPP/PPPPPPPP/PPPPPPPP/K6k w - - 0 1",
)
_WORDS = (
    "uci isready ucinewgame stop ponderhit register d eval help license version position startpos fen moves go".split()
)
_LIMITS = "wtime btime winc binc movestogo depth nodes mate movetime".split()
# Free text, loading and slow work are asked for by name only, so that a line made by chance asks for none of it.
_NEVER_BY_CHANCE = ("quit", "logfile", "weightsfile", "recursiontolerance", "backend", "bench", "perft", "threads")
_FREE_TEXT = ("d", "eval", "help", "license", "version", "bench")


class LineMaker:
    """Draws lines from random numbers."""

    def __init__(self, rng: random.Random, unset: tuple[str, ...] = ()) -> None:
        """Takes the source of random numbers and the options that are to be left alone."""
        self._rng = rng
        self._options = [option for option in OPTIONS if option.name not in (*unset, "LogFile", "WeightsFile")]

    def line(self) -> str:
        """Returns a line without its end."""
        makers = (self._go, self._position, self._set_option, self._bare, self._bare, self._noise, self._damaged)
        return self._rng.choice(makers)()

    def _bare(self) -> str:
        return self._rng.choice(
            "isready isready stop stop ponderhit ucinewgame uci d d eval help version license register".split()
            + ["debug on", "debug off", "register later", "perft 1", "go perft 2"]
        )

    def _go(self) -> str:
        words = ["go"]
        for _ in range(self._rng.randint(0, 3)):
            limit = self._rng.choice([*_LIMITS, "infinite", "ponder", "searchmoves"])
            words.append(limit)
            if limit in _LIMITS:
                words.append(str(self._rng.choice([0, 1, -1, 5, 100, 1000, 60000, 10**9, "x", ""])))
            elif limit == "searchmoves":
                words += [self._move() for _ in range(self._rng.randint(0, 4))]
        return " ".join(words)

    def _position(self) -> str:
        start = self._rng.choice(["startpos", *(f"fen {fen}" for fen in _FENS)])
        board = chess.Board() if start == "startpos" else chess.Board(start[4:], chess960=True)
        moves = []
        for _ in range(self._rng.choice([0, 0, 1, 2, 8, 60])):
            legal = sorted(map(str, board.legal_moves)) if board.is_valid() else []
            if not legal or self._rng.random() < 0.02:
                moves.append(self._move())
                break
            moves.append(self._rng.choice(legal))
            board.push_uci(moves[-1])
        return f"position {start}" + (" moves " + " ".join(moves) if moves else "")

    def _set_option(self) -> str:
        option = self._rng.choice(self._options)
        values = [
            "",
            "<empty>",
            "true",
            "false",
            "0",
            "1",
            "3",
            "-1",
            "2147483648",
            "0.5",
            "nan",
            "x y",
            *option.choices,
        ]
        values += [str(option.minimum), str(min(option.maximum, 8))]
        return f"setoption name {option.name} value {self._rng.choice(values)}"

    def _noise(self) -> str:
        letters = string.printable + "\u2654\u00e9\x00\x7f\ufffd"
        text = "".join(self._rng.choice(letters) for _ in range(self._rng.choice([0, 3, 20, 200])))
        return _harmless(text)

    def _damaged(self) -> str:
        words = self._rng.choice((self._go, self._position, self._set_option))().split(" ")
        for _ in range(self._rng.randint(1, 3)):
            at = self._rng.randrange(len(words) + 1)
            kind = self._rng.randrange(4)
            if kind == 0:
                words.insert(at, self._rng.choice([*_WORDS, *_LIMITS, "value", "name", "\t", ""]))
            elif kind == 1:
                del words[at : at + 1]
            elif kind == 2 and words:
                words[at % len(words)] = words[at % len(words)][::-1]
            else:
                words = words[at:] + words[:at]
        return _harmless(" ".join(words))

    def _move(self) -> str:
        squares = [self._rng.choice(chess.SQUARE_NAMES) for _ in range(2)]
        return self._rng.choice(["".join(squares), "".join(squares) + "q", "0000", "e2e4", "E7E8Q", "junk"])


def _harmless(text: str) -> str:
    text = " ".join(text.splitlines())
    return "" if any(word in text.lower() for word in _NEVER_BY_CHANCE) else text


class Referee:
    """Reads both sides of a session and fails when the engine breaks the rules of the protocol."""

    def __init__(self) -> None:
        self._board = chess.Board()
        self._chess960 = False
        self._has_position = True  # whether the last position could be played
        self._asked: deque[chess.Board | None] = deque()  # positions of goes without an answer, in order
        self._shown: deque[str] = deque()  # positions of `d`, in order
        self._free_text = False  # whether lines for people were asked for
        self._readyok_owed = 0
        self.answered = 0

    def sent(self, line: str) -> None:
        """Notes a line to the engine."""
        command = parse_command(line)
        if isinstance(command, Position):
            try:
                self._board = new_game(self._chess960).followed_by(command, self._chess960).board
                self._has_position = True
            except PositionError:
                self._has_position = False
        elif isinstance(command, Invalid):
            self._has_position &= line.split()[0] != "position"
        elif isinstance(command, SetOption) and command.name.lower() == "uci_chess960":
            self._chess960 = {"true": True, "false": False}.get(command.value.lower(), self._chess960)
        elif isinstance(command, Bare):
            self._readyok_owed += command.word == "isready"
            if command.word == "d" and self._has_position:
                self._shown.append(self._board.fen())
            self._free_text |= command.word in _FREE_TEXT
            if command.word == "ucinewgame":
                self._board, self._has_position = chess.Board(chess960=self._chess960), True
        elif isinstance(command, Go):
            if command.perft is None:
                self._asked.append(self._board.copy() if self._has_position else None)
            else:
                self._free_text = True

    def received(self, line: str) -> None:
        """Judges a line of the engine."""
        words = line.split()
        if line.startswith("bestmove"):
            assert self._asked, "an answer that nobody asked for"
            board = self._asked.popleft()
            self.answered += 1
            if board is None:
                assert line == "bestmove (none)", "a move for a position that was refused"
            elif words[1] == "(none)":
                assert not any(board.legal_moves), f"no move in {board.fen()}"
            else:
                assert words[1] in map(str, board.legal_moves), f"{line} in {board.fen()}"
                assert len(words) == 2 or (len(words) == 4 and words[2] == "ponder")
        elif line == "readyok":
            self._readyok_owed -= 1
            assert self._readyok_owed >= 0
        elif line.startswith("Fen: "):
            assert line == f"Fen: {self._shown.popleft()}"
        elif not self._free_text:
            assert words and (words[0] in ("info", "option", "id") or line == "uciok"), line
        assert "Traceback" not in line and "error: AssertionError" not in line

    def is_at_rest(self) -> bool:
        """Returns whether everything that was asked is answered."""
        return not self._asked and not self._readyok_owed and not self._shown

    def at_rest(self) -> None:
        """Fails unless everything that was asked is answered; `stop` was sent and time was given."""
        assert not self._asked, f"{len(self._asked)} goes without an answer"
        assert self._readyok_owed == 0 and not self._shown
        self._free_text = False
