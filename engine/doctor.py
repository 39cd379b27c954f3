"""Checks an installation and describes it on one screen, for a report of a fault."""

import argparse
import os
import platform
import sys
import time
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from engine.command_options import add_example, add_weights
from engine.engine_command import is_executable, own_engine_command
from engine.version import VERSION

Facts = Mapping[str, object]
_MOVES = 20
_NAME_WIDTH = 12
# Packages whose versions decide whether and how the engine plays.
_PACKAGES = ("jax", "jaxlib", "flax", "numpy", "chess")
# Beginnings of the names of environment variables that change what the engine does.
_VARIABLES = ("RECURSEZERO_", "JAX_", "XLA_", "CUDA_VISIBLE_DEVICES", "NPROC", "XDG_CACHE_HOME")


def add_doctor(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `recursezero doctor`."""
    add_weights(parser)
    add_example(parser, "recursezero doctor")
    parser.set_defaults(work=lambda arguments: examine(arguments.weights))


def examine(weights: Path | None) -> int:
    """Prints what there is to know about this installation; returns the exit status, 1 if something does not work.

    Args:
      weights: folder of the network, None for the shipped one.
    """
    # The device comes last: asking JAX for it may take most of an accelerator's memory, which the engine needs.
    sections: dict[str, Callable[[], Facts]] = {
        "program": _program_facts,
        "system": _system_facts,
        "network": lambda: _network_facts(weights),
        "cache": _cache_facts,
        "engine": lambda: _engine_facts(weights),
        "device": _device_facts,
    }
    faulty = [title for title, find in sections.items() if not _print_section(title, find)]
    print(f"faults: {', '.join(faulty)}" if faulty else "no fault found")
    return 1 if faulty else 0


def _print_section(title: str, find: Callable[[], Facts]) -> bool:
    """Prints what is found, or why it is not; returns whether it was found."""
    print(title, flush=True)
    try:
        facts, is_sound = find(), True
    except Exception as error:  # whatever is broken, the rest is told
        facts, is_sound = {"fault": f"{type(error).__name__}: {' '.join(str(error).split())}"}, False
    for name, value in facts.items():
        print(f"  {name:{_NAME_WIDTH}} {value}", flush=True)
    return is_sound


def _program_facts() -> Facts:
    root = Path(sys.executable).parent if is_executable() else Path(__file__).resolve().parents[1]
    return {
        "version": VERSION,
        "runs from": f"{root} ({'executable' if is_executable() else 'Python packages'})",
        "python": platform.python_version() + ("" if is_executable() else f" ({sys.executable})"),
        "packages": ", ".join(f"{package} {_version(package)}" for package in _PACKAGES),
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"


def _system_facts() -> Facts:
    from engine.player.backend import usable_processors

    names = sorted(name for name in os.environ if name.startswith(_VARIABLES))
    return {
        "system": platform.platform(),
        "processor": f"{_processor_name()}, {usable_processors()} of {os.cpu_count()} threads usable",
        "terminal": sys.stdout.encoding,
        "environment": ", ".join(f"{name}={os.environ[name]}" for name in names) or "nothing that matters",
    }


def _processor_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


def _network_facts(weights: Path | None) -> Facts:
    from engine.checkpoint import read_network_facts
    from engine.weights_location import default_weights_folder

    folder = (weights or default_weights_folder()).resolve()
    return {"folder": folder, "sha256": read_network_facts(folder).sha256}


def _cache_facts() -> Facts:
    from engine.player.program_store import open_program_store

    store = open_program_store()
    if store is None:
        return {"folder": "none: every start compiles anew"}
    sizes = [path.stat().st_size for path in store.programs()]
    return {"folder": store.folder, "programs": f"{len(sizes)}, {sum(sizes) / 2**20:.1f} MiB"}


def _engine_facts(weights: Path | None) -> Facts:
    """Starts the engine as a chess program does, and lets it make some moves."""
    from engine.bench import BENCH_POSITIONS
    from engine.player.program_store import open_program_store
    from engine.uci_client import UciClient

    store = open_program_store()
    before = set(store.programs()) if store else set()
    times_s, started_s = [], time.perf_counter()
    client = UciClient(own_engine_command(weights), {})
    try:
        ready_s = time.perf_counter() - started_s
        for fen in BENCH_POSITIONS[: _MOVES + 1]:
            asked_s = time.perf_counter()
            if not client.scores(f"fen {fen}", "nodes 1", 1):
                raise ValueError("expected a move from the engine, got none; standard error says why")
            times_s.append(time.perf_counter() - asked_s)
    finally:
        client.close()
    first_s, *others_s = times_s
    has_compiled = store is None or not set(store.programs()) <= before
    return {
        "start": f"{ready_s:.1f} s to readyok, {ready_s + first_s:.1f} s to the first move"
        + (" (with compiling, which slows it; later ones load)" if has_compiled and store else ""),
        "move": f"{sorted(others_s)[_MOVES // 2] * 1e3:.0f} ms (median of {_MOVES}; slowest "
        f"{max(others_s) * 1e3:.0f} ms)",
    }


def _device_facts() -> Facts:
    import jax

    from engine.player.backend import device_of

    device = device_of("auto")
    return {"computes on": f"{device.platform}, {device.device_kind} (first of {len(jax.devices())})"}
