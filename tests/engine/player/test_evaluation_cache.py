import chess

from engine.player.evaluation_cache import CachedEvaluator
from tests.doubles.fake_evaluator import FakeEvaluator


def _boards(count: int) -> list[chess.Board]:
    board = chess.Board()
    boards = []
    for move in list(board.legal_moves)[:count]:
        boards.append(board.copy())
        boards[-1].push(move)
    return boards


def test_a_position_is_evaluated_once() -> None:
    evaluator = FakeEvaluator()
    cache = CachedEvaluator(evaluator, 1)
    boards = _boards(3)
    first = cache.evaluate([boards[0], boards[1], boards[0]])
    second = cache.evaluate([boards[2], boards[1]])
    assert evaluator.batches == [2, 1]  # a position that comes twice in a batch is no hit
    assert first[0] is first[2] and second[1] is first[1]
    assert (cache.hits, cache.lookups) == (1, 5)
    assert [evaluation.moves for evaluation in second] == [
        tuple(sorted(board.legal_moves, key=chess.Move.uci)) for board in (boards[2], boards[1])
    ]


def test_what_the_network_sees_tells_positions_apart() -> None:
    cache = CachedEvaluator(FakeEvaluator(), 1)
    start, repeated = chess.Board(), chess.Board()
    for text in "g1f3 g8f6 f3g1 f6g8".split():
        repeated.push_uci(text)
    chess960 = chess.Board(chess960=True)
    black = chess.Board("rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR b KQkq - 0 1")
    for board in (start, repeated, chess960, black):
        evaluation = cache.evaluate([board])[0]
        assert set(evaluation.moves) == set(board.legal_moves)
    assert cache.hits == 0


def test_the_oldest_are_dropped_when_memory_is_short() -> None:
    evaluator = FakeEvaluator()
    cache = CachedEvaluator(evaluator, 1)
    board = chess.Board("8/8/4k3/8/8/4K3/4P3/8 w - - 0 1")
    boards = [
        chess.Board(f"{rook}7/8/4k3/8/8/{king}/4P3/8 w - - {clock} 90")
        for rook in "nbrq"
        for king in ("K7", "1K6")
        for clock in range(100)
    ]
    cache.evaluate([board])
    cache.evaluate(boards)
    assert 950 < cache.permille_full <= 1000
    calls = len(evaluator.batches)
    cache.evaluate([boards[-1]])
    assert len(evaluator.batches) == calls
    cache.evaluate([board])
    assert len(evaluator.batches) == calls + 1
    cache.resize(2)
    assert cache.permille_full <= 500
    cache.clear()
    assert cache.permille_full == 0 and cache.lookups == 0
