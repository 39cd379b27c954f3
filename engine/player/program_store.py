"""Keeps compiled programs in the user's cache folder, so that only the first start compiles them.

A file is named by a digest of everything that its program depends on (`program_key`), and begins with a checksum of
its content. Where it is missing, damaged, or computes something else than when it was kept, the program is compiled
again.
"""

import contextlib
import functools
import hashlib
import os
import pickle
import platform
import stat
import sys
import tempfile
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

import jax
import numpy as np
from jax.experimental.serialize_executable import deserialize_and_load, serialize

from engine.engine_command import is_executable

# Of programs in the folder; the ones that were not used for the longest time make room for new ones.
_MOST_PROGRAMS = 16
# Another process that compiles the same program is waited for, but not for ever: it may have been stopped.
_PATIENCE_S = 30.0
_POLL_S = 0.05
_DIGEST_BYTES = 32
# Of what a program computes in its trial.
_TOLERANCE = 1e-3
# Settings of JAX that change what is compiled, and may be set by other means than the environment.
_SETTINGS = ("jax_disable_most_optimizations", "jax_enable_x64", "jax_default_matmul_precision")
# Code of this program that a compiled network depends on, below `engine`.
_SOURCES = ("encoding/**/*.py", "fixed_point/**/*.py", "network/**/*.py", "player/network_programs.py")


@functools.cache
def cache_folder() -> Path | None:
    """Returns the folder for files kept between starts; None, with a line on standard error, if none can be written.

    It is `recursezero` in the user's cache folder ($XDG_CACHE_HOME, or else ~/.cache, or %LOCALAPPDATA% on Windows); if
    that cannot be written, a folder of the user's own among the temporary files.
    """
    caches, temporary = _user_caches(), Path(tempfile.gettempdir()) / _name_among_temporary_files()
    try:
        if not caches.is_absolute():
            raise ValueError("it is no absolute path")
        return _writable(caches / "recursezero")
    except (OSError, ValueError) as error:
        problem = f"expected a cache folder that can be written, got {caches} ({_reason(error)})"
    try:
        temporary.mkdir(mode=0o700, exist_ok=True)
        if not _is_private(temporary):
            raise ValueError("it is not this user's alone")
        folder: Path | None = _writable(temporary)
        print(f"{problem}; compiled programs are kept in {temporary}", file=sys.stderr)
    except (OSError, ValueError) as error:
        folder = None
        print(f"{problem} nor {temporary} ({_reason(error)}); every start compiles anew", file=sys.stderr)
    return folder


def use_compilation_cache() -> None:
    """Lets JAX keep what it compiles itself in the cache folder, unless it was told another one.

    Must be called before anything is compiled: JAX looks for its cache once.
    """
    folder = cache_folder() if jax.config.values["jax_compilation_cache_dir"] is None else None
    if folder is not None:
        jax.config.update("jax_compilation_cache_dir", str(folder / "xla"))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


def open_program_store() -> "ProgramStore | None":
    """Returns the user's store, or None if it has no place or JAX was told to keep nothing."""
    if not jax.config.values["jax_enable_compilation_cache"]:
        return None
    told = jax.config.values["jax_compilation_cache_dir"]
    folder = cache_folder() if told is None else Path(told)
    return None if folder is None else ProgramStore(folder / "programs")


def program_key(device: jax.Device, *parts: object) -> str:
    """Returns a digest of a program's own parts and of everything else that it depends on.

    Args:
      device: that it is compiled for.
      parts: that tell it from other programs; their text counts.
    """
    environment = sorted((name, value) for name, value in os.environ.items() if name.startswith(("JAX_", "XLA_")))
    machine = (device.platform, device.device_kind, device.client.platform_version, _processor())
    settings = [jax.config.values[name] for name in _SETTINGS]
    versions = [version(package) for package in ("jax", "jaxlib", "flax", "numpy")]
    python = platform.python_version()
    everything = (parts, machine, versions, python, os.environ.get("NPROC"), environment, settings, _sources())
    return hashlib.sha256(repr(everything).encode()).hexdigest()


def _processor() -> str:
    """Returns the facts that tell this kind of processor from another one whose machine shares the folder."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").partition("\n\n")[0].splitlines()
    except OSError:
        lines = [platform.processor()]
    facts = [line for line in lines if line.startswith(("model name", "flags", "Features", "CPU part"))]
    return "\n".join([platform.machine(), *(facts or lines)])


@functools.cache
def _sources() -> str:
    """Returns a digest of the code that a program is made from; an executable holds it itself."""
    root, total = Path(__file__).resolve().parents[1], hashlib.sha256()
    paths = sorted(path for pattern in _SOURCES for path in root.glob(pattern))
    for path in [Path(sys.executable)] if is_executable() else paths:
        total.update(path.read_bytes())
    return total.hexdigest()


class ProgramStore:
    """Keeps programs in a folder, each in a file of its own, with what they computed in a trial.

    A program takes arrays and returns a tuple of arrays. It must not come from JAX's own compilation cache: such a
    one can be written, but then it no longer computes anything.

    Args:
      folder: made when the first program is kept.

    Attributes:
      folder: as given.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def programs(self) -> list[Path]:
        """Returns the files of the programs that are kept."""
        return list(self.folder.glob("*.program"))

    def load(self, key: str, device: jax.Device, *arguments: np.ndarray) -> jax.stages.Compiled | None:
        """Returns a kept program, or None if there is none that still computes what it did.

        Args:
          key: of the program.
          device: that it shall run on.
          arguments: of the trial.
        """
        path = self._path(key)
        try:
            content = path.read_bytes()
            if hashlib.sha256(memoryview(content)[_DIGEST_BYTES:]).digest() != content[:_DIGEST_BYTES]:
                raise ValueError("a file that is damaged")
            payload, expected = pickle.loads(memoryview(content)[_DIGEST_BYTES:])
            trees = jax.tree.structure((arguments, {})), jax.tree.structure(expected)
            program = deserialize_and_load(payload, *trees, backend=device.client, execution_devices=[device])
            _compare(jax.device_get(program(*arguments)), expected)
            os.utime(path)
            return program
        except FileNotFoundError:
            return None
        except Exception as error:  # JAX raises all kinds on what other versions wrote; compiling always works
            _tell(f"expected a compiled program in {path}, got: {_reason(error)}; it is compiled again")
            return None

    def save(self, key: str, program: jax.stages.Compiled, *arguments: np.ndarray) -> None:
        """Keeps a program; says so on standard error if it cannot.

        Args:
          key: of the program.
          program: just compiled.
          arguments: of the trial.
        """
        path = self._path(key)
        partial = path.with_suffix(f".{os.getpid()}")
        try:
            payload, *_ = serialize(program)
            content = pickle.dumps((payload, jax.device_get(program(*arguments))))
            self.folder.mkdir(parents=True, exist_ok=True)
            with partial.open("wb") as file:
                file.write(hashlib.sha256(content).digest())
                file.write(content)
            partial.replace(path)
            self._make_room()
        except Exception as error:  # a full disk, a device that keeps no programs: this one plays all the same
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)
            _tell(f"expected to keep a compiled program in {path}, got: {_reason(error)}")

    @contextlib.contextmanager
    def turn(self, key: str) -> Iterator[None]:
        """Makes other processes wait that would compile the same program, so that one compiles it for all.

        After 30 s, or where files cannot be locked, none is held back any longer.
        """
        from filelock import FileLock

        lock = FileLock(self._path(key).with_suffix(".lock"), timeout=_PATIENCE_S, poll_interval=_POLL_S)
        with contextlib.ExitStack() as stack:
            with contextlib.suppress(OSError, NotImplementedError):  # a timeout is an OSError, too
                self.folder.mkdir(parents=True, exist_ok=True)
                stack.enter_context(lock)
            yield

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.program"

    def _make_room(self) -> None:
        kept = sorted(self.programs(), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in kept[_MOST_PROGRAMS:]:
            with contextlib.suppress(OSError):  # Windows keeps files that are in use
                path.unlink(missing_ok=True)
                path.with_suffix(".lock").unlink(missing_ok=True)


def _compare(got: Sequence[np.ndarray], expected: Sequence[np.ndarray]) -> None:
    """Raises ValueError if a trial does not give what it gave; accelerators may add in another order each time."""
    pairs = zip(got, expected, strict=True)
    if not all(np.allclose(one, other, rtol=_TOLERANCE, atol=_TOLERANCE, equal_nan=True) for one, other in pairs):
        raise ValueError("one that computes something else")


def _user_caches() -> Path:
    local = os.environ.get("LOCALAPPDATA") if sys.platform == "win32" else None
    return Path(os.environ.get("XDG_CACHE_HOME") or local or os.path.expanduser("~/.cache"))


def _name_among_temporary_files() -> str:
    # Windows gives every user a folder for temporary files.
    return f"recursezero-{os.getuid()}" if hasattr(os, "getuid") else "recursezero"


def _is_private(folder: Path) -> bool:
    """Returns whether a folder is this user's, and no one else can use it."""
    if not hasattr(os, "getuid"):
        return folder.is_dir()
    status = folder.lstat()
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & 0o077


def _writable(folder: Path) -> Path:
    """Returns a folder, made if need be.

    Raises:
      OSError: it cannot be made or written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        return folder


def _tell(problem: str) -> None:
    print(problem, file=sys.stderr)


def _reason(error: Exception) -> str:
    text = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return " ".join(text.split())[:200] or type(error).__name__
