"""Games of PGN texts: what is read, what is skipped and what is refused, and why."""

import chess
import chess.pgn
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.files.pgn_games import PgnGame, games_of_text
from engine.files.skipped_entries import EmptyGame, EntryFault
from engine.files.written_moves import read_word

GAME = """[Event "Zz9 e9"]
[FEN "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1"]

1. e4 {Zz9 and
e9} e5 2.Nf3!? $14 Nc6 (2... Nf6 3. Nxe5 d6) 3. Bb5 a6 ; Kx9
% e9
4. Bxc6 dxc6 5. O-O Qf6 6. d4 exd4 7. e5 N +0.35/12 4.2s Qe6 1/2-1/2
"""
KING_PAWNS = "rnbqkbnr/pppp1ppp/8/4p3/4P3/8/PPPP1PPP/RNBQKBNR w KQkq - 0 2"


def told(text: str) -> list[str]:
    """Returns each game as its moves, behind its start if that is another; a fault as its text."""
    return [_told(entry) for entry in games_of_text([text], "x.pgn")]


def _told(entry: PgnGame | EntryFault | EmptyGame) -> str:
    if isinstance(entry, EmptyGame):
        return "empty"
    if isinstance(entry, EntryFault):
        return str(entry)
    start = "" if entry.start.fen() == chess.STARTING_FEN else f"{entry.start.fen()}: "
    return start + " ".join(move.uci() for move in entry.moves)


def test_what_is_written_beside_moves_is_no_fault() -> None:
    (game,) = games_of_text([GAME], "x.pgn")
    assert isinstance(game, PgnGame) and len(game.moves) == 14 and game.tags["Event"] == "Zz9 e9"


@pytest.mark.parametrize("word", ["Zz9", "2...Zz9", "Nf9", "e9", "i4", "Qh8x9", "Ngf33", "Xe4"])
def test_a_word_that_is_no_move_is_named(word: str) -> None:
    assert told(GAME.replace("Nc6 (", f"{word} (")) == [f"x.pgn, line 5, game 1: expected legal moves, got {word}"]


@given(st.randoms(use_true_random=False))
def test_games_that_are_written_are_read(random: object) -> None:
    board = chess.Board()
    for _ in range(60):
        moves = sorted(board.legal_moves, key=chess.Move.uci)
        if not moves:
            break
        board.push(random.choice(moves))  # type: ignore[attr-defined]
    (game,) = games_of_text([str(chess.pgn.Game.from_board(board))], "x.pgn")
    assert isinstance(game, PgnGame) and list(game.moves) == board.move_stack


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            '[Event "?"]\n[Variant "Crazyhouse"]\n\n1. e4 d5 2. exd5 Qxd5 3. P@d4 *',
            ["x.pgn, line 2, game 1: expected chess or Chess960, got Crazyhouse"],
        ),
        (
            '[variant "atomic"]\n\n1. Nf3 f6 2. Nc3 d5 3. Nxd5 e5 4. d4 exd4 *',
            ["x.pgn, line 1, game 1: expected chess or Chess960, got atomic"],
        ),
        (
            "1. e4 d5 2. exd5 Qxd5\n3. P@d4 *",
            ["x.pgn, line 2, game 1: expected legal moves, got P@d4"],
        ),
        (
            '[Event "FICS rated crazyhouse game"]\n\n1. e4 e5 *',
            ["x.pgn, line 1, game 1: expected chess or Chess960, got Event FICS rated crazyhouse game"],
        ),
        (
            '[Variant "Chess960"]\n\n1. e4 *',
            ["x.pgn, line 1, game 1: expected a tag FEN with the starting position for Chess960, got none"],
        ),
        (f'1. d4 Nf6 *[Event "b"]\n[FEN "{KING_PAWNS}"]\n\n2. Nf3 *', ["d2d4 g8f6", f"{KING_PAWNS}: g1f3"]),
        ("1.e4 e5\n\n{King pawn.}\n\n2.Nf3 Nc6 3. Nc3 Nf6\n\n*", ["e2e4 e7e5 g1f3 b8c6 b1c3 g8f6"]),
        ('[Event "x"]\n[Result "0-1"]\n\n{ defaulted }\n\n0-1\n[Event "y"]\n1. d4 *', ["empty", "d2d4"]),
        (f'[Event "a"]\n[FEN "{KING_PAWNS}"]\n\n[Event "b"]\n\n1. d4 *', [f"{KING_PAWNS}: ", "d2d4"]),
        (f'[Event "a"]\n\n[FEN "{KING_PAWNS}"]\n[Event "b"]\n\n2. d4 *', ["empty", f"{KING_PAWNS}: d2d4"]),
        ("1. e4$1 e5$6 *", ["e2e4 e7e5"]),
        ("1. e4 e5\n2. Nf3\n\n1. d4 d5\n", ["e2e4 e7e5 g1f3", "d2d4 d7d5"]),
        ("1. e4 e5 1. d4 *", ["x.pgn, line 1, game 1: expected the number of move 2, got 1."]),
        ("1. e4 2. e5 *", ["x.pgn, line 1, game 1: expected the number of move 1, got 2."]),
        (
            "1... e5 *",
            ["x.pgn, line 1, game 1: expected a move of White's, got 1..., which stands before one of Black's"],
        ),
        ("hello 1. e4 *", ["x.pgn, line 1, game 1: expected legal moves, got hello"]),
        ("hello\n\n1. e4 *", ["e2e4"]),
        (
            f"FEN {KING_PAWNS}\n\n1. e4 *",
            ["x.pgn, line 1, game 1: expected no text before a game that looks like one of its tags"],
        ),
        ('hello there\n\n[Event "a"]\n1. e4 *', ["e2e4"]),
    ],
)
def test_games_end_and_begin_where_they_are_meant_to(text: str, expected: list[str]) -> None:
    assert told(text) == expected
    assert told(text.replace("\n", " \n")) == expected


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (f'FEN "{KING_PAWNS}"]', "line 2, game 1: expected tags or moves, got FEN"),
        (f'[FEN "{KING_PAWNS}"', "line 2, game 1: expected a tag as"),
        (f'[FFN "{KING_PAWNS}"]', "line 2, game 1: expected a starting position in a tag FEN, got one in FFN"),
        ('[FEN "rnbqkbnr/pppp1ppp/8/4p3/4P3/8/PPPP1PPP w KQkq - 0 2"]', "line 2, game 1: expected a position as FEN"),
        ('[FEN "8/8/8/8/8/8/8/8 w - - 0 1"]', "line 2, game 1: expected a legal position"),
        ('[SetUp "1"]', "line 1, game 1: expected a tag FEN with the starting position for SetUp 1, got none"),
        (f'[FEN "{KING_PAWNS}"]\n[FEN "{chess.STARTING_FEN}"]', "line 3, game 1: expected one tag FEN in a game"),
        ('[Rules "Antichess"]', "line 2, game 1: expected chess or Chess960, got Rules Antichess"),
    ],
)
def test_a_header_that_hides_the_start_is_refused(header: str, reason: str) -> None:
    (fault,) = told(f'[Event "a"]\n{header}\n[Site "b"]\n\n1. Nf3 *')
    assert fault.startswith(f"x.pgn, {reason}")


@pytest.mark.parametrize("lost", [f'FEN "{KING_PAWNS}"]', f'[FEN "{KING_PAWNS}"', "d; so"])
@pytest.mark.parametrize("gap", ["", "\n"])
def test_a_lost_tag_between_two_headers_may_belong_to_either(lost: str, gap: str) -> None:
    if gap and lost.startswith("d"):
        return
    first, second = told(f'[Event "a"]\n[Result "0-1"]\n\n{lost}\n{gap}[Event "b"]\n\n1. d4 *\n')
    assert first.startswith("x.pgn, line 4, game 1: expected ") and second.startswith(
        "x.pgn, line 4, game 2: expected "
    )


def test_moves_are_not_taken_from_their_header() -> None:
    text = '[Event "a"]\nd; so\n\n[Site "b"]\n\n1. e4 *\n'
    assert all("expected tags or moves, got d" in entry for entry in told(text + text)) and len(told(text + text)) == 2


@pytest.mark.parametrize(
    "tag",
    [
        f'[FEN "{KING_PAWNS}"]',
        f'  [FEN "{KING_PAWNS}"]  ',
        f'[fen "{KING_PAWNS}"]',
        f"[FEN '{KING_PAWNS}']",
        f"[FEN “{KING_PAWNS}”]",
        f"[FEN {KING_PAWNS}]",
        f'[FEN: "{KING_PAWNS}"]',
        f'[FEN"{KING_PAWNS}"]',
        f'[ FEN "{KING_PAWNS}" ]',
        f'[Site "a \\"b\\" c"][FEN "{KING_PAWNS}"]',
        f'[Site "x"] {{why}} [FEN "{KING_PAWNS}"] ; so',
        f'{{a comment}}\n\n[FEN "{KING_PAWNS}"]',
    ],
)
def test_a_tag_is_read_however_it_is_written(tag: str) -> None:
    told_of = told(f'[Event "The "Big" One"]\n{tag}\n\n2. Nf3 Nc6 *\n')
    assert told_of == [f"{KING_PAWNS}: g1f3 b8c6"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "1. e4 {never closed e5 *",
            "line 1, game 1: expected a comment that closes, got one open at the tag in line 4",
        ),
        ("1. e4 {a {b} c} e5 *", "line 1, game 1: expected a comment that closes, got another '{' in that of line 1"),
        ("1. e4 (1. d4 d5 e5 *", "line 1, game 1: expected a variation that closes, got one that never does"),
        ("1. e4 e5) 2. Nf3 *", "line 1, game 1: expected a ')' that closes something, got one alone"),
        ("1. e4 e5} 2. Nf3 *", "line 1, game 1: expected a '}' that closes something, got one alone"),
        ("1. e4 e5 2. -- Nf6 *", "line 1, game 1: expected legal moves, got the null move --"),
        ("1. e4 Z0 *", "line 1, game 1: expected legal moves, got the null move Z0"),
        ("1. exd5 *", "line 1, game 1: expected legal moves, got exd5 (not legal in"),
        ("1. Nxf3 *", "line 1, game 1: expected legal moves, got Nxf3 (nothing to capture in"),
        ("1. e4 e5 2. Nf3 Nc6 3. Nc3 N b4 *", "line 1, game 1: expected legal moves, got N b4"),
        ("1. N f3 *", "line 1, game 1: expected a move behind its number, got N"),
    ],
)
def test_what_can_be_read_in_two_ways_is_refused_and_the_next_game_read(text: str, reason: str) -> None:
    first, second = told(f'[Event "a"]\n{text}\n\n[Event "b"]\n\n1. d4 {{good}} (1. c4) d5 *\n')
    assert first.startswith(f"x.pgn, {reason.replace('line 1', 'line 2')}") and second == "d2d4 d7d5"


def test_readers_divide_the_games() -> None:
    text = "1. e4 *\n1. Zz *\n1. d4 *\n1. c4 *\n"
    parts = [[entry for entry in games_of_text([text], "x.pgn", part, 3)] for part in range(3)]
    assert [len(part) for part in parts] == [1, 2, 1]
    assert sorted(_told(entry) for part in parts for entry in part) == sorted(told(text))


@pytest.mark.parametrize(
    ("written", "san"),
    [
        ("e2-e4", "e2e4"),
        ("Ng1–f3!?", "Ng1f3"),
        ("♘f3+-", "Nf3"),
        ("B:d5", "Bxd5"),
        ("exd6e.p.", "exd6"),
        ("exd6ep", "exd6"),
        ("o-o", "O-O"),
        ("0—0—0+", "O-O-O"),
        ("O‑O!!", "O-O"),
        ("e8(", ""),
        ("e7e8q", "e7e8=Q"),
        ("bxa8/N#", "bxa8=N"),
        ("e4N", "e4"),
        ("12...Qxf7++", "Qxf7"),
        ("1.e4+/=", "e4"),
    ],
)
def test_moves_are_read_as_people_write_them(written: str, san: str) -> None:
    word = read_word(written)
    assert (word.kind == "move", word.san) == (bool(san), san)
