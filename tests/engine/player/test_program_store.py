"""Compiled programs on disk: what was kept is used again, and what cannot be used is compiled again."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import jax
import numpy as np
import pytest

from engine.player import program_store
from engine.player.program_store import ProgramStore, cache_folder, program_key, use_compilation_cache

ROOT = Path(__file__).resolve().parents[3]
DEVICE = jax.devices()[0]
KEY = "0" * 64
TRIAL = (np.array([1, 2, 3], np.float32), np.array([0.1, 0.2, 0.3], np.float32))


@pytest.fixture(scope="module")
def program() -> jax.stages.Compiled:
    return jax.jit(lambda x, y: (x + y, x * y)).lower(*[jax.ShapeDtypeStruct((3,), np.float32)] * 2).compile()


@pytest.fixture
def store(tmp_path: Path, program: jax.stages.Compiled) -> ProgramStore:
    """Returns a store with one program."""
    store = ProgramStore(tmp_path / "programs")
    store.save(KEY, program, *TRIAL)
    return store


@pytest.fixture
def fresh_folder() -> Iterator[None]:
    """Has the folder looked for anew."""
    cache_folder.cache_clear()
    yield
    cache_folder.cache_clear()


def the_file(store: ProgramStore) -> Path:
    (path,) = store.folder.glob("*.program")
    return path


def test_a_program_comes_back_and_computes_the_same(store: ProgramStore, program: jax.stages.Compiled) -> None:
    x, y = np.array([4, 5, 6], np.float32), np.array([0.1, 0.2, 0.3], np.float32)
    kept = store.load(KEY, DEVICE, *TRIAL)
    assert kept is not None
    np.testing.assert_array_equal(kept(x, y), program(x, y))
    assert [path.name for path in store.folder.iterdir()] == [f"{KEY}.program"]


def test_another_programs_key_finds_nothing(store: ProgramStore) -> None:
    assert store.load("1" * 64, DEVICE, *TRIAL) is None


def test_a_program_whose_checksum_is_wrong_is_not_used(store: ProgramStore, capsys: pytest.CaptureFixture[str]) -> None:
    path = the_file(store)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    for damaged in (bytes(content), path.read_bytes()[:-1], b""):
        path.write_bytes(damaged)
        assert store.load(KEY, DEVICE, *TRIAL) is None
        (line,) = capsys.readouterr().err.splitlines()
        assert line.endswith("got: a file that is damaged; it is compiled again")


def test_a_program_that_jax_cannot_read_is_not_used(store: ProgramStore, capsys: pytest.CaptureFixture[str]) -> None:
    of_another_version = b"written by another version"
    the_file(store).write_bytes(hashlib.sha256(of_another_version).digest() + of_another_version)
    assert store.load(KEY, DEVICE, *TRIAL) is None
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("expected a compiled program in ") and line.endswith("; it is compiled again")


def test_a_program_that_computes_something_else_is_not_used(
    store: ProgramStore, capsys: pytest.CaptureFixture[str]
) -> None:
    assert store.load(KEY, DEVICE, TRIAL[0], TRIAL[1] + 1) is None
    assert "got: one that computes something else; it is compiled again" in capsys.readouterr().err


def test_a_program_that_cannot_be_kept_is_one_line(
    tmp_path: Path, program: jax.stages.Compiled, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    ProgramStore(tmp_path / "file").save(KEY, program, *TRIAL)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("expected to keep a compiled program in ")


def test_versions_processor_environment_and_threads_tell_programs_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    key = program_key(DEVICE, "network", 1)
    assert key == program_key(DEVICE, "network", 1)
    keys = {key, program_key(DEVICE, "network", 8), program_key(DEVICE, "other", 1)}
    for name in ("XLA_FLAGS", "JAX_DEFAULT_MATMUL_PRECISION", "NPROC"):
        with monkeypatch.context() as patch:
            patch.setenv(name, "3")
            keys.add(program_key(DEVICE, "network", 1))
    jax.config.update("jax_disable_most_optimizations", True)
    keys.add(program_key(DEVICE, "network", 1))
    jax.config.update("jax_disable_most_optimizations", False)
    for name in ("version", "_processor", "_sources"):
        with monkeypatch.context() as patch:
            patch.setattr(program_store, name, lambda *_: "another")
            keys.add(program_key(DEVICE, "network", 1))
    assert len(keys) == 10


def test_the_programs_longest_unused_make_room(store: ProgramStore, program: jax.stages.Compiled) -> None:
    for number in range(1, program_store._MOST_PROGRAMS):
        path = the_file_of(store, f"{number:064}")
        path.write_bytes(b"")
        os.utime(path, (number, number))
    assert store.load(KEY, DEVICE, *TRIAL) is not None
    store.save("f" * 64, program, *TRIAL)
    left = {path.stem for path in store.folder.glob("*.program")}
    assert len(left) == program_store._MOST_PROGRAMS and {KEY, "f" * 64} <= left and f"{1:064}" not in left


def the_file_of(store: ProgramStore, key: str) -> Path:
    return store.folder / f"{key}.program"


def test_one_process_at_a_time_compiles_a_program(store: ProgramStore, monkeypatch: pytest.MonkeyPatch) -> None:
    code = f"""
import sys
from pathlib import Path
from engine.player.program_store import ProgramStore
with ProgramStore(Path({str(store.folder)!r})).turn({KEY!r}):
    print("mine", flush=True)
    sys.stdin.readline()
"""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    other = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, text=True, **pipes)  # type: ignore[call-overload]
    try:
        assert other.stdout.readline() == "mine\n"
        waited: list[float] = []

        def kill_at_first(seconds: float) -> None:
            if not waited:
                other.kill()  # a process that is killed holds nobody back
                other.wait()
            waited.append(seconds)

        monkeypatch.setattr("time.sleep", kill_at_first)
        with store.turn(KEY):
            assert waited
    finally:
        other.kill()
        other.communicate()


def test_a_stopped_process_holds_others_back_for_a_while_only(
    store: ProgramStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program_store, "_PATIENCE_S", 0.1)
    with store.turn(KEY), store.turn(KEY):
        pass


def test_the_cache_folder_is_the_users(fresh_folder: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    del fresh_folder
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    assert cache_folder() == tmp_path / "caches" / "recursezero"


@pytest.mark.parametrize("caches", ["file", "~/.cache"])
def test_without_a_cache_folder_temporary_files_are_kept_for_the_user(
    fresh_folder: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caches: str,
) -> None:
    del fresh_folder
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", caches if caches.startswith("~") else str(tmp_path / caches))
    monkeypatch.setattr(program_store.tempfile, "tempdir", str(tmp_path))
    expected = tmp_path / f"recursezero-{os.getuid()}"
    assert cache_folder() == cache_folder() == expected
    assert expected.stat().st_mode & 0o777 == 0o700
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("expected a cache folder that can be written, got ")
    assert line.endswith(f"; compiled programs are kept in {expected}")
    cache_folder.cache_clear()
    assert cache_folder() == expected


def test_a_temporary_folder_that_others_can_write_is_not_used(
    fresh_folder: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    del fresh_folder
    monkeypatch.setenv("XDG_CACHE_HOME", "~/.cache")
    monkeypatch.setattr(program_store.tempfile, "tempdir", str(tmp_path))
    (tmp_path / f"recursezero-{os.getuid()}").mkdir()
    (tmp_path / f"recursezero-{os.getuid()}").chmod(0o777)
    assert cache_folder() is None
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("(it is not this user's alone); every start compiles anew")


def test_jax_keeps_its_own_programs_there_unless_it_was_told(
    fresh_folder: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del fresh_folder
    before = {name: jax.config.values[name] for name in jax.config.values if "cache" in name}
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    try:
        jax.config.update("jax_compilation_cache_dir", None)
        use_compilation_cache()
        assert jax.config.values["jax_compilation_cache_dir"] == str(tmp_path / "recursezero" / "xla")
        jax.config.update("jax_compilation_cache_dir", "elsewhere")
        use_compilation_cache()
        assert jax.config.values["jax_compilation_cache_dir"] == "elsewhere"
    finally:
        for name, value in before.items():
            jax.config.update(name, value)
