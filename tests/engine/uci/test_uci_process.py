import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import chess
import chess.engine
import pytest

from engine.version import VERSION
from tests.doubles.engine_process import REAL, ROOT, STUB, Process, needs_weights

Start = Callable[..., Process]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts engines in an empty folder and ends them after the test."""
    processes: list[Process] = []

    def start_process(command: list[str], **environment: str) -> Process:
        processes.append(Process(command, tmp_path, **environment))
        return processes[-1]

    yield start_process
    for process in processes:
        process.kill()


@pytest.fixture
def stub(start: Start) -> Process:
    """The engine without a network."""
    return start(STUB)


def test_a_game_is_played_through_pipes(stub: Process) -> None:
    stub.say("uci")
    assert stub.read_until("uciok")[0].startswith(f"id name RecurseZero {VERSION}")
    stub.say("isready")
    assert stub.read_until("readyok") == ["readyok"]
    stub.say("position startpos moves e2e4", "go wtime 1000 btime 1000")
    assert stub.read_until("bestmove")[-1] == "bestmove e7e5"
    stub.say("go infinite", "isready")
    assert not any(line.startswith("bestmove") for line in stub.read_until("readyok"))
    stub.say("stop")
    assert stub.read_until("bestmove")[-1] == "bestmove e7e5"
    stub.say("quit")
    status, stdout, stderr = stub.end()
    assert (status, stdout) == (0, "")
    for noise in ("from Python", "from the file descriptor", "from C"):
        assert f"noise {noise}" in stderr
    assert "Traceback" not in stderr


def test_close_moves_are_compared_through_pipes(stub: Process) -> None:
    stub.say("uci", "setoption name MoveSelection value lookahead", "debug on", "isready", "go nodes 1")
    lines = stub.read_until("bestmove")
    reason = "the second move has 0.25 of the first one's probability"
    assert f"info string lookahead compared nothing: {reason}" in lines and " nodes 1 " in lines[-2]
    for verbose in ("false", "true"):
        stub.say("setoption name LookaheadRatio value 20%", f"setoption name VerboseMoveStats value {verbose}")
        stub.say("setoption name LookaheadMoves value 3", "go nodes 1")
        *info, last, best = stub.read_until("bestmove")
        compared = [line for line in info if line.startswith("info string lookahead compared e2e4 (ratio 1.00, score ")]
        assert len(compared) == 1 and compared[0].count("(ratio 0.25, score ") == 2
        assert best == "bestmove e2e4" and f" nodes {21 if verbose == 'true' else 4} " in last
    stub.say("setoption name LookaheadMoves value 1", "setoption name LookaheadRatio value 1", "quit")
    _, stdout, _ = stub.end()
    assert "for LookaheadMoves, got '1' (allowed: 2 to 218); 2 is used" in stdout
    assert "for LookaheadRatio, got '1' (allowed: 0 to less than 1)" in stdout


def test_nothing_heavy_is_imported_before_uciok() -> None:
    code = (
        "import sys, io, uci_main; from engine.uci.uci_loop import UciLoop;"
        "from engine.uci.protocol_streams import ProtocolOutput;"
        "out = io.StringIO(); loop = UciLoop(ProtocolOutput(out), uci_main._load_evaluator);"
        "loop.handle('uci'); assert out.getvalue().endswith('uciok\\n');"
        "print([name for name in ('jax', 'numpy', 'flax') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"


def test_uciok_comes_quickly(start: Start) -> None:
    times_s = []
    for _ in range(3):
        started_s = time.monotonic()
        process = start(REAL)
        process.say("uci")
        process.read_until("uciok")
        times_s.append(time.monotonic() - started_s)
        process.say("quit")
        assert process.end()[0] == 0
    print(f"uciok after {min(times_s):.3f} s")
    assert min(times_s) < 1.0


def test_quit_ends_while_a_network_is_loading(start: Start) -> None:
    process = start(STUB, STUB_LOAD_S="50")
    process.say("uci", "isready", "go")
    process.read_until("uciok")
    time.sleep(0.3)
    started_s = time.monotonic()
    process.say("quit")
    assert process.pipes.wait(timeout=10) == 0 and time.monotonic() - started_s < 5.0
    assert process.end()[1] == ""


def _piped(tmp_path: Path, *lines: str, load_s: str = "0") -> list[str]:
    """Returns the output of the engine whose input is these lines and then ends."""
    text = "".join(line + "\n" for line in lines).encode()
    environment = {**os.environ, "STUB_LOAD_S": load_s}
    result = subprocess.run(STUB, cwd=tmp_path, input=text, env=environment, capture_output=True, timeout=60)
    assert result.returncode == 0 and b"Traceback" not in result.stderr
    return result.stdout.decode().splitlines()


def test_what_was_asked_before_quit_is_answered(tmp_path: Path) -> None:
    lines = _piped(tmp_path, "uci", "isready", "position startpos", "go", "quit", load_s="3")
    assert lines.index("uciok") < lines.index("readyok") < len(lines) - 1
    assert lines[-2].startswith("info depth 1 ") and lines[-1] == "bestmove e2e4"


def test_quit_ends_an_infinite_search_at_once_with_its_move(stub: Process) -> None:
    stub.say("isready", "go infinite")
    stub.read_until("info depth")
    started_s = time.monotonic()
    stub.say("quit")
    lines = stub.read_until("bestmove")
    assert lines[-1] == "bestmove e2e4" and lines[-2].startswith("info depth 1 ")
    assert stub.pipes.wait(timeout=10) == 0 and time.monotonic() - started_s < 1.0


def test_an_interrupt_ends_the_wait_for_a_load_when_the_input_is_over(start: Start) -> None:
    process = start(STUB, STUB_LOAD_S="50")
    process.say("uci", "isready", "quit")
    process.read_until("uciok")
    assert process.pipes.stdin is not None
    process.pipes.stdin.close()
    time.sleep(0.5)
    process.pipes.send_signal(signal.SIGINT)
    assert process.pipes.wait(timeout=2) == 0


def test_a_refused_position_is_answered_without_a_move_through_pipes(stub: Process) -> None:
    with_17_pieces = "position fen 4k3/8/8/8/QQQQQQQQ/QQQQQQQQ/8/4K3 w - - 0 1"
    for position in ("position startpos moves e2e4 e2e4", "position fen 8/8/8/8/8/8/8/8 w - - 0 1", with_17_pieces):
        stub.say("position startpos moves e2e4", position, "go wtime 1000 btime 1000")
        lines = stub.read_until("bestmove")
        assert lines[-1] == "bestmove (none)"
        assert [line.startswith("info string error: ") for line in lines[:-1]] == [True, True]
    stub.say("position startpos", "go")
    assert stub.read_until("bestmove")[-1] == "bestmove e2e4"


def test_python_chess_has_a_score_after_a_ponder_hit(tmp_path: Path) -> None:
    with chess.engine.SimpleEngine.popen_uci(STUB, cwd=tmp_path) as engine:
        board, hits = chess.Board(), 0
        limit = chess.engine.Limit(white_clock=60, black_clock=60)
        for _ in range(8):
            played = engine.play(board, limit, info=chess.engine.INFO_ALL, ponder=True)
            assert played.move is not None and played.info["score"] and played.info["pv"][0] == played.move
            board.push(played.move)
            if played.ponder is not None:
                board.push(played.ponder)  # a ponder hit
                hits += 1
        assert hits >= 4


def test_commands_can_be_piped_in(tmp_path: Path) -> None:
    result = subprocess.run(STUB, cwd=tmp_path, input=b"position startpos\r\ngo infinite", capture_output=True)
    assert result.returncode == 0
    assert result.stdout.decode().splitlines()[-1] == "bestmove e2e4"


def test_bytes_that_are_no_text_are_survived(stub: Process) -> None:
    assert stub.pipes.stdin is not None
    stub.pipes.stdin.write(b"uci\n\xff\xfe\x00\xe9\n" + b"x" * 100_000 + b"\nisready\n")
    lines = stub.read_until("readyok")
    assert sum(line.startswith("info string error: ") for line in lines) == 2
    assert all(len(line) < 1000 for line in lines)


def test_a_broken_pipe_ends_the_engine_without_a_word(stub: Process) -> None:
    assert stub.pipes.stdout is not None
    stub.say("uci")
    stub.read_until("uciok")
    stub.pipes.stdout.close()
    stub.say("isready", "uci", "go")
    assert stub.pipes.stdin is not None and stub.pipes.stderr is not None
    stub.pipes.stdin.close()
    assert stub.pipes.wait(timeout=10) == 0
    assert b"Traceback" not in stub.pipes.stderr.read()


def test_an_interrupt_of_the_process_group_is_ignored(stub: Process) -> None:
    stub.say("uci")
    stub.read_until("uciok")
    stub.pipes.send_signal(signal.SIGINT)
    stub.say("isready")
    assert stub.read_until("readyok") == ["readyok"]


def test_python_chess_plays_a_game_against_it(tmp_path: Path) -> None:
    with chess.engine.SimpleEngine.popen_uci(STUB, cwd=tmp_path) as engine:
        # What lichess-bot sends if nothing is changed in its configuration.
        stock: chess.engine.ConfigMapping = {
            "Move Overhead": 100,
            "Threads": 4,
            "Hash": 512,
            "SyzygyPath": "./syzygy/",
            "UCI_ShowWDL": True,
        }
        engine.configure(stock)
        board = chess.Board()
        while not board.is_game_over(claim_draw=True) and len(board.move_stack) < 30:
            played = engine.play(board, chess.engine.Limit(time=1), info=chess.engine.INFO_ALL, ponder=True)
            assert played.move is not None
            assert sum(played.info["wdl"].relative) == 1000
            board.push(played.move)
        lines = engine.analyse(board, chess.engine.Limit(depth=1), multipv=4)
        assert [line["multipv"] for line in lines] == [1, 2, 3, 4]


@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_help_and_version_are_printed(argument: str) -> None:
    result = subprocess.run([*REAL, argument], capture_output=True, text=True, check=True)
    assert "RecurseZero" in result.stdout or "--weights DIR" in result.stdout


def test_missing_weights_are_one_line_and_no_move(start: Start) -> None:
    process = start([*REAL, "--weights", "no such folder"])
    process.say("uci", "isready")
    assert "option name WeightsFile type string default no such folder" in process.read_until("uciok")
    lines = process.read_until("readyok")
    assert len(lines) == 2 and lines[0].startswith("info string error: expected ") and "no such folder" in lines[0]
    process.say("go")
    assert process.read_until("bestmove")[-1] == "bestmove (none)"


@needs_weights
@pytest.mark.slow
def test_the_real_engine_answers(start: Start) -> None:
    process = start(REAL)
    started_s = time.monotonic()
    process.say("uci", "isready")
    process.read_until("uciok")
    assert process.read_until("readyok") == ["readyok"]
    print(f"readyok after {time.monotonic() - started_s:.2f} s")
    process.say("position startpos moves e2e4", "go movetime 1000")
    lines = process.read_until("bestmove")
    assert lines[-2].startswith("info depth 1 ")
    process.say("go infinite", "isready", "stop", "quit")
    status, stdout, stderr = process.end()
    assert status == 0 and "readyok" in stdout and "Traceback" not in stderr


@needs_weights
@pytest.mark.slow
def test_python_chess_plays_a_game_against_the_real_engine(tmp_path: Path) -> None:
    with chess.engine.SimpleEngine.popen_uci(REAL, cwd=tmp_path, timeout=60) as engine:
        board = chess.Board()
        while not board.is_game_over(claim_draw=True) and len(board.move_stack) < 40:
            played = engine.play(board, chess.engine.Limit(white_clock=5, black_clock=5))
            assert played.move is not None
            board.push(played.move)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("uci-test-suite") is None, reason="no uci-test-suite on PATH (needs Python 3.13)")
def test_the_protocol_suite_passes() -> None:
    result = subprocess.run(["uci-test-suite", "--quiet", *STUB], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout
