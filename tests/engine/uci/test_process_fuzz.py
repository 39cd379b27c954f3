"""A hundred thousand lines for the real process; the environment variable FUZZ_LINES changes the number."""

import os
import random
import threading
import time
from pathlib import Path

import pytest

from tests.doubles.engine_process import REAL, Process, needs_weights
from tests.doubles.fuzz_lines import LineMaker, Referee

_LINES = int(os.environ.get("FUZZ_LINES", "100000"))
_LINES_AT_ONCE = 200
# What loads or compiles anew, or makes every go cost a batch, would leave little time for the rest.
_UNSET = ("Backend", "RecursionTolerance", "MultiPV", "VerboseMoveStats", "MoveSelection", "Ponder", "Hash", "Threads")


def _resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


@pytest.mark.slow
@needs_weights
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs the /proc of Linux")
def test_the_process_survives_and_keeps_its_size(tmp_path: Path) -> None:
    referee, maker = Referee(), LineMaker(random.Random(20), unset=_UNSET)
    with Process(REAL, tmp_path) as engine:
        errors: list[bytes] = []
        assert engine.pipes.stderr is not None
        drain = threading.Thread(target=lambda: errors.extend(engine.pipes.stderr or ()), daemon=True)
        drain.start()
        engine.say("setoption name Hash value 1", "isready")
        engine.read_until("readyok")
        sizes_mb = []
        for _ in range(0, _LINES, _LINES_AT_ONCE):
            lines = [*(maker.line() for _ in range(_LINES_AT_ONCE)), "stop", "isready"]
            for line in lines:
                referee.sent(line)
            sending = threading.Thread(target=engine.say, args=lines)
            sending.start()
            _read_all(engine, referee)
            sending.join()
            sizes_mb.append(_resident_mb(engine.pipes.pid))
        engine.say("quit")
        assert engine.pipes.wait(timeout=5) == 0
        drain.join(timeout=5)
    shown_mb = [round(size) for size in sizes_mb[:: -(-len(sizes_mb) // 20)]]
    print(f"{_LINES} lines, {referee.answered} moves, resident MB: {shown_mb}")
    assert not [line for line in errors if b"Traceback" in line], b"".join(errors)[-2000:]
    half = len(sizes_mb) // 2
    assert max(sizes_mb[half:]) < max(sizes_mb[:half]) + 20


def _read_all(engine: Process, referee: Referee) -> None:
    """Reads until everything asked for is answered."""
    deadline_s = time.monotonic() + 120.0
    while not referee.is_at_rest():
        assert time.monotonic() < deadline_s
        referee.received(engine.read_until("")[0])
    referee.at_rest()
