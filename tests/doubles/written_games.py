"""Writes games as PGN in the many forms that people and programs use, and damages them."""

import random

import chess

TAGS = ("Site", "Date", "White", "Black", "Result", "ECO", "Annotator")
_MARKS = ("", "", "", "!", "?", "!?", "+-", "N", "±", "$1", " $14", " +/=", " +0.31/12 0.5s")
_COMMENTS = (
    "",
    "",
    "",
    " {good}",
    " {a\n\nb}",
    "{[%clk 0:01:02]}",
    " ; rest (of { line\n",
    " (%s {so} (x) )",
    "\n% (escaped {\n",
)


def random_board(rng: random.Random, plies: int) -> chess.Board:
    """Returns a game of random moves from the starting position or, now and then, from one in a game."""
    board = chess.Board()
    if rng.random() < 0.3:
        _push(rng, board, rng.randint(1, 12))
        board = chess.Board(board.fen(en_passant="fen"))
    _push(rng, board, plies)
    return board


def _push(rng: random.Random, board: chess.Board, plies: int) -> None:
    for _ in range(plies):
        moves = sorted(board.legal_moves, key=chess.Move.uci)
        if not moves:
            return
        board.push(rng.choice(moves))


def written_game(rng: random.Random, board: chess.Board) -> str:
    """Returns PGN of the game in a board's move stack, in a mixture of forms drawn at random."""
    replay = board.root()
    is_elsewhere = replay.fen() != chess.STARTING_FEN
    header = _header(rng, replay.fen() if is_elsewhere else None)
    words: list[str] = []
    for move in board.move_stack:
        spelling, behind = _spelling(rng, replay, move), _behind(rng, replay)
        if behind.startswith("N") and spelling[0].islower() and spelling[-1] in "18":
            behind = behind[1:]  # which would be a promotion
        words.append(_number(rng, replay, is_first=not words) + spelling + behind)
        replay.push(move)
    result = rng.choice(("1-0", "0-1", "1/2-1/2", "*"))
    text = rng.choice((" ", " ", "\n")).join(words)
    return f"{header}{text} {result}{rng.choice(('', chr(10), chr(10) * 2, '  '))}"


def _header(rng: random.Random, fen: str | None) -> str:
    start = [("FEN", fen), *([("SetUp", "1")] if rng.random() < 0.7 else [])] if fen else []
    names = [("Event", rng.choice(("a", "Open [A]", 'the "Big" one', "{x")))] if fen or rng.random() < 0.9 else []
    names += [(name, rng.choice(("?", "a; b", "1. e4 e5", "Ö"))) for name in TAGS if rng.random() < 0.4]
    rng.shuffle(start)
    tags = names + start
    lines = [_tag(rng, name, value or "") for name, value in tags]
    gap = rng.choice(("\n", "\n", "\n\n", " ")) if tags else ""
    return "\n".join(lines) + gap


def _tag(rng: random.Random, name: str, value: str) -> str:
    name = rng.choice((name, name, name.upper(), name.lower()))
    if '"' in value:
        return f"""[{name} "{value.replace('"', chr(92) + '"')}"]"""
    before, after = rng.choice((("", ""), ("", ""), ("  ", " "), ("", " {why}"), ("", "\n; so\n"), ("", "\n\n")))
    return f'{before}[{name} "{value}"]{after}'


def _number(rng: random.Random, board: chess.Board, is_first: bool) -> str:
    number, space = board.fullmove_number, rng.choice((" ", ""))
    if board.turn == chess.WHITE:
        return rng.choice(
            (f"{number}.{space}", f"{number}.{space}", f"{number} ", "" if not is_first else f"{number}.")
        )
    return rng.choice(("", "", "", f"{number}...{space}", f"{number}… ")) if not is_first else f"{number}...{space}"


def _spelling(rng: random.Random, board: chess.Board, move: chess.Move) -> str:
    san = board.san(move)
    if board.is_castling(move):
        return san.replace("O", rng.choice("O0o")).replace("-", rng.choice("-–—‑"))
    if board.is_en_passant(move):
        return rng.choice((san, f"{san} e.p.", f"{san}e.p.", san.rstrip("+#") + "ep"))
    piece = board.piece_type_at(move.from_square)
    start, end = chess.square_name(move.from_square), chess.square_name(move.to_square)
    letter = "" if piece == chess.PAWN else chess.piece_symbol(piece or 0).upper()
    sign = "x" if board.is_capture(move) else rng.choice("-–")
    promotion = f"={chess.piece_symbol(move.promotion).upper()}" if move.promotion else ""
    long = f"{letter}{start}{sign}{end}{promotion}"
    return rng.choice((san, san, san, san.rstrip("+#"), san.replace("x", ":"), long, move.uci(), san.replace("=", "")))


def _behind(rng: random.Random, board: chess.Board) -> str:
    comment = rng.choice(_COMMENTS)
    return rng.choice(_MARKS) + (comment % board.fullmove_number if "%s" in comment else comment)


_SIGNS = '[]{}();%"\\$.-*x+#=/ \n\n1234abcdefghKQRBNO0'


def damaged(rng: random.Random, text: str) -> str:
    """Returns a text with one to four small damages, such as files suffer by hand, mail and programs."""
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 4))):
        text = _damaged_once(rng, text) or " "
    return text


def _damaged_once(rng: random.Random, text: str) -> str:
    first, far = sorted(rng.randrange(len(text) + 1) for _ in range(2))
    near, sign = min(far, first + rng.randint(1, 8)), rng.choice(_SIGNS)
    part = text[first:near]
    return rng.choice(
        (
            text[:first] + text[near:],
            text[:first] + text[first + 1 :],
            text[:first] + sign + text[first:],
            text[:first] + sign + text[first + 1 :],
            text[:near] + part + text[near:],
            text[:near] + text[first:far] + text[near:],
            text[:first] + part.swapcase() + text[near:],
            text[:first] + part[::-1] + text[near:],
            text.replace("\n\n", "\n", 1),
            text.replace("\n", "", 1),
            _without_line(rng, text),
            _with_lines_swapped(rng, text),
        )
    )


def _without_line(rng: random.Random, text: str) -> str:
    lines = text.split("\n")
    del lines[rng.randrange(len(lines))]
    return "\n".join(lines)


def _with_lines_swapped(rng: random.Random, text: str) -> str:
    lines = text.split("\n")
    first, second = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[first], lines[second] = lines[second], lines[first]
    return "\n".join(lines)
