"""The engine as a process behind pipes, with a network that is fake or real."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STUB = [sys.executable, str(Path(__file__).with_name("stub_engine.py"))]
REAL = [sys.executable, str(ROOT / "uci_main.py")]
needs_weights = pytest.mark.skipif(
    not (ROOT / "weights" / "wide").is_dir() and "RECURSEZERO_WEIGHTS" not in os.environ,
    reason="no weights in weights/wide or RECURSEZERO_WEIGHTS",
)


class Process:
    """An engine behind pipes."""

    def __init__(self, command: list[str], folder: Path, **environment: str) -> None:
        self.pipes = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
        )

    def say(self, *lines: str) -> None:
        """Sends lines."""
        assert self.pipes.stdin is not None
        self.pipes.stdin.write("".join(line + "\n" for line in lines).encode())

    def read_until(self, start: str) -> list[str]:
        """Returns the lines up to one that begins so; fails at the end of the output."""
        assert self.pipes.stdout is not None
        lines: list[str] = []
        while not lines or not lines[-1].startswith(start):
            line = self.pipes.stdout.readline().decode()
            assert line.endswith("\n"), f"the output ended after {lines}"
            lines.append(line.rstrip("\n"))
        return lines

    def end(self) -> tuple[int, str, str]:
        """Closes the input and returns the exit status and what else came on both outputs."""
        stdout, stderr = self.pipes.communicate(timeout=60)
        return self.pipes.returncode, stdout.decode(), stderr.decode()

    def kill(self) -> None:
        """Ends the engine whatever it does."""
        self.pipes.kill()
        self.pipes.wait()
        for pipe in (self.pipes.stdin, self.pipes.stdout, self.pipes.stderr):
            if pipe is not None:
                pipe.close()

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
