"""How the process ends, idles and keeps time."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.doubles.engine_process import REAL, STUB, Process, needs_weights

_PROC = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs the /proc of Linux")
# A chess program that starts an engine, has it do something, and waits to be killed.
_PROGRAM = """
import subprocess, sys
engine = subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
engine.stdin.write(sys.argv[1].encode().decode("unicode_escape").encode())
engine.stdin.flush()
print(engine.pid, flush=True)
engine.wait()
"""


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@_PROC
@pytest.mark.parametrize(
    ("commands", "load_s"),
    [("uci\\n", "0"), ("isready\\n", "50"), ("go\\ngo infinite\\n", "0"), ("go perft 9\\n", "0"), ("go\\n", "50")],
    ids=["idle", "loading", "holding", "counting", "asked while loading"],
)
def test_the_engine_is_gone_soon_after_the_program_is_killed(commands: str, load_s: str, tmp_path: Path) -> None:
    program = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, commands, *STUB],
        cwd=tmp_path,
        env={**os.environ, "STUB_LOAD_S": load_s},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert program.stdout is not None
    engine = int(program.stdout.readline())
    program.stdout.close()
    time.sleep(1.0)
    assert _is_running(engine)
    program.kill()
    program.wait()
    started_s = time.monotonic()
    while _is_running(engine):
        assert time.monotonic() - started_s < 2.0, "the engine outlives its program"
        time.sleep(0.02)


@_PROC
def test_waiting_takes_no_processor_time(tmp_path: Path) -> None:
    with Process(STUB, tmp_path) as engine:
        engine.say("isready", "go infinite", "setoption name ThinkTime value 60000", "isready")
        for _ in range(2):
            engine.read_until("readyok")
        time.sleep(0.5)
        before_s = _cpu_s(engine.pipes.pid)
        time.sleep(1.0)
        assert _cpu_s(engine.pipes.pid) - before_s <= 0.02


@pytest.mark.slow
@_PROC
@needs_weights
def test_the_real_engine_idles_at_no_cost_and_ends_quickly(tmp_path: Path) -> None:
    with Process(REAL, tmp_path) as engine:
        engine.say("isready", "go infinite", "isready")
        for _ in range(2):
            engine.read_until("readyok")
        time.sleep(3.0)
        before_s = _cpu_s(engine.pipes.pid)
        time.sleep(3.0)
        used_s = _cpu_s(engine.pipes.pid) - before_s
        started_s = time.monotonic()
        engine.say("quit")
        assert engine.end()[0] == 0
        print(f"idle: {used_s:.2f} s of 3; end: {time.monotonic() - started_s:.2f} s")
        assert used_s <= 0.03 and time.monotonic() - started_s < 2.0


@pytest.mark.slow
@_PROC
@needs_weights
@pytest.mark.parametrize("threads", [1, 3])
def test_xla_computes_with_as_many_threads_as_it_may(threads: int, tmp_path: Path) -> None:
    with Process(REAL, tmp_path) as engine:
        engine.say(f"setoption name Threads value {threads}", "setoption name MultiPV value 500", "isready", "go")
        engine.read_until("bestmove")
        names = [path.read_text().strip() for path in Path(f"/proc/{engine.pipes.pid}/task").glob("*/comm")]
    assert names.count("tf_XLAEigen") == threads


@pytest.mark.slow
@needs_weights
def test_short_move_times_are_kept(tmp_path: Path) -> None:
    with Process(REAL, tmp_path) as engine:
        engine.say("isready")
        engine.read_until("readyok")
        late_ms = []
        moves: list[str] = []
        for _ in range(500):
            engine.say(f"position startpos{' moves ' + ' '.join(moves) if moves else ''}", "isready")
            engine.read_until("readyok")
            started_s = time.monotonic()
            engine.say("go movetime 10")
            move = engine.read_until("bestmove")[-1].split()[1]
            late_ms.append(1e3 * (time.monotonic() - started_s) - 10.0)
            moves = [*moves, move] if move != "(none)" and len(moves) < 200 else []
        late_ms.sort()
        print(f"movetime 10, late by: median {late_ms[250]:.1f} ms, 99 % {late_ms[494]:.1f} ms, max {late_ms[-1]:.1f}")
        assert late_ms[494] < 10.0
