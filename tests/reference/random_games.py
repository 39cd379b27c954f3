"""Seeded random games that visit what random play rarely does, and random placements of pieces."""

import random
from collections import Counter
from collections.abc import Iterator

import chess


def play_random_game(
    seed: int, plies: int, shuffling: float = 0.0, board: chess.Board | None = None
) -> Iterator[chess.Board]:
    """Plays one game and yields the same board object before every move and at the end.

    Args:
      seed: decides the whole game.
      plies: at most so many are played; a game also ends where no move is legal.
      shuffling: probability of taking back one's previous move when that is legal.
      board: the start; it is played on. The initial position by default.
    """
    generator = random.Random(seed)
    board = chess.Board() if board is None else board
    yield board
    for _ in range(plies):
        moves = list(board.legal_moves)
        if not moves:
            return
        board.push(_choose(board, moves, generator, shuffling))
        yield board


def _choose(board: chess.Board, moves: list[chess.Move], generator: random.Random, shuffling: float) -> chess.Move:
    if len(board.move_stack) >= 2 and generator.random() < shuffling:
        last = board.move_stack[-2]
        back = chess.Move(last.to_square, last.from_square)
        if back in moves:
            return back
    return generator.choices(moves, [_interest(board, move) for move in moves])[0]


def _interest(board: chess.Board, move: chess.Move) -> float:
    if board.is_castling(move) or board.is_en_passant(move):
        return 30.0
    if move.promotion is not None:
        return 6.0
    if board.piece_type_at(move.from_square) == chess.PAWN:
        return 3.0 if abs(move.from_square - move.to_square) == 16 else 2.0
    return 1.5 if board.is_capture(move) else 1.0


def varied_positions(count: int, seed: int = 0, chess960: bool = False) -> Iterator[chess.Board]:
    """Yields `count` positions of many games, each with its move stack; the board is reused."""
    for game in range(count):
        generator = random.Random(1000 * seed + game)
        start = chess.Board.from_chess960_pos(generator.randrange(960)) if chess960 else None
        for board in play_random_game(1000 * seed + game, generator.choice([20, 60, 150]), game % 3 * 0.3, start):
            yield board
            count -= 1
            if count == 0:
                return


def counted_positions(count: int, seed: int = 0) -> Iterator[tuple[chess.Board, int]]:
    """Yields positions with how often each stood on the board before, counted as text."""
    seen: Counter[str] = Counter()
    for board in varied_positions(count, seed):
        if not board.move_stack:
            seen.clear()
        text = board.epd(en_passant="legal")
        yield board, seen[text]
        seen[text] += 1


def random_placement(seed: int) -> chess.Board:
    """Returns a board with two kings and up to thirty other pieces anywhere; it need not be legal."""
    generator = random.Random(seed)
    board = chess.Board(None)
    squares = generator.sample(range(64), generator.randint(2, 32))
    for place, square in enumerate(squares):
        kind = chess.KING if place < 2 else generator.randint(chess.PAWN, chess.QUEEN)
        board.set_piece_at(square, chess.Piece(kind, place % 2 == 0))
    board.turn = generator.random() < 0.5
    return board
