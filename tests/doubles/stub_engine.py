"""The engine as a program, with an evaluator that needs no network and a loader that is noisy.

The environment variable STUB_LOAD_S makes loading last that many seconds.
"""

import ctypes
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import uci_main  # noqa: E402
from engine.uci.options import WeightsRequest  # noqa: E402
from tests.doubles.fake_evaluator import FakeEvaluator  # noqa: E402


def _load_noisily(request: WeightsRequest) -> FakeEvaluator:
    del request
    print("noise from Python")
    os.write(1, b"noise from the file descriptor\n")
    libc = ctypes.CDLL(None)
    libc.puts(b"noise from C")
    libc.fflush(None)
    time.sleep(float(os.environ.get("STUB_LOAD_S", "0")))
    return FakeEvaluator({"e2e4": 4.0, "e7e5": 4.0})


if __name__ == "__main__":
    uci_main._load_evaluator = _load_noisily
    sys.exit(uci_main.main())
