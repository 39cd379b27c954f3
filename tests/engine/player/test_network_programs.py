"""The programs of a network: which are made when, what is kept, and what runs while one is not there yet."""

import signal
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import chess
import jax
import numpy as np
import pytest

from engine.checkpoint import LoadedNetwork, save_network, serving_network, serving_shapes
from engine.player.evaluator import BATCH, FEW, encode_boards
from engine.player.network_evaluator import evaluator_of
from engine.player.network_programs import NetworkPrograms, Outputs, kept_programs
from engine.player.program_store import ProgramStore
from tests.doubles.engine_process import REAL, Process
from tests.doubles.tiny_latent_model import tiny_loaded
from tests.doubles.tiny_network import stirred, tiny_config

CONFIG = tiny_config()
START = encode_boards([chess.Board()])


@pytest.fixture(scope="module", autouse=True)
def quick_compilation() -> Iterator[None]:
    """Compiles in half the time; the programs run a few times only."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


def loaded() -> LoadedNetwork:
    return LoadedNetwork(serving_network(CONFIG), stirred(serving_shapes(CONFIG)), "")


def unreadable() -> LoadedNetwork:
    raise AssertionError("the weights were read")


def kept(store: ProgramStore | None, load: Any = unreadable, has_model: bool = False) -> NetworkPrograms:
    return kept_programs(load, "sha256", has_model, jax.devices()[0], 0.0, store)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ProgramStore:
    """Returns a store with the program of one position."""
    store = ProgramStore(tmp_path_factory.mktemp("programs"))
    kept(store, loaded).prepare(1)
    return store


def assert_equal(got: Sequence[Outputs], expected: Sequence[Outputs]) -> None:
    for one, other in zip(jax.tree.leaves(got), jax.tree.leaves(expected), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_kept_program_needs_no_weights_and_computes_the_same(store: ProgramStore) -> None:
    expected = evaluator_of(loaded()).programs.run(START, 2, None)
    assert_equal(kept(store).run(START, 2, None), expected)


def test_of_a_start_that_is_killed_the_programs_compiled_so_far_are_kept(store: ProgramStore) -> None:
    assert len(list(store.folder.glob("*.program"))) == 1  # of one position: none asked for the batch
    with pytest.raises(AssertionError, match="weights were read"):
        kept(store).prepare(BATCH)


def test_a_damaged_program_is_compiled_again_and_replaced(
    store: ProgramStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (path,) = store.folder.glob("*.program")
    other = ProgramStore(tmp_path)
    (tmp_path / path.name).write_bytes(path.read_bytes()[:-1])
    expected = kept(store).run(START, 2, None)
    assert_equal(kept(other, loaded).run(START, 2, None), expected)
    assert "a file that is damaged; it is compiled again" in capsys.readouterr().err
    assert_equal(kept(other).run(START, 2, None), expected)
    assert capsys.readouterr().err == ""


def test_programs_with_a_latent_model_are_kept_too(tmp_path: Path) -> None:
    store = ProgramStore(tmp_path)
    cells = [np.array([796, 731], np.int32)]
    improved = kept(store, lambda: tiny_loaded(CONFIG), has_model=True).run(START, 2, cells)
    assert_equal(kept(store, has_model=True).run(START, 2, cells), improved)
    plain = kept(store, has_model=True).run(START, 2, [cells[0][:0]])
    assert not np.array_equal(plain[0].policy_logits, improved[0].policy_logits)


def counting(sizes: list[int], gate: threading.Event) -> NetworkPrograms:
    """Returns programs that note how many positions they get; that of a batch comes when the gate opens."""

    def make(size: int) -> Any:
        if size > 1:
            assert gate.wait(20)

        def program(positions: np.ndarray, step_limit: np.ndarray) -> tuple[np.ndarray, ...]:
            sizes.append(len(positions))
            place = positions[:, 0].astype(np.float32)
            return place, place, place, place, np.full(len(positions), step_limit), place > 0

        return program

    return NetworkPrograms(make)


def test_positions_are_evaluated_one_by_one_until_the_batch_is_there() -> None:
    sizes: list[int] = []
    gate = threading.Event()
    programs = counting(sizes, gate)
    positions = np.zeros((5, 67), np.int8)
    positions[:, 0] = (1, 2, 3, 4, 5)
    programs.prepare_batch_in_background()
    apart = programs.run(positions, 5, None)
    assert sizes == [1] * 5
    gate.set()
    programs._making[BATCH].join()
    (together,) = programs.run(positions, 5, None)
    assert sizes == [1] * 5 + [BATCH]
    np.testing.assert_array_equal(together.wdl_logits[:5], np.concatenate([output.wdl_logits for output in apart]))


def test_without_a_background_the_batch_is_made_when_it_is_needed() -> None:
    sizes: list[int] = []
    gate = threading.Event()
    gate.set()
    counting(sizes, gate).run(np.zeros((FEW + 1, 67), np.int8), 5, None)
    assert sizes == [BATCH]


def test_a_few_positions_need_no_batch() -> None:
    sizes: list[int] = []
    outputs = counting(sizes, threading.Event()).run(np.zeros((FEW, 67), np.int8), 5, None)
    assert sizes == [1] * FEW and len(outputs) == FEW


def test_pairs_run_together_once_their_program_is_there_and_keep_nobody_waiting() -> None:
    sizes: list[int] = []
    gate = threading.Event()
    programs = counting(sizes, gate)
    positions = np.zeros((3, 67), np.int8)
    positions[:, 0] = (1, 2, 3)
    programs.prepare_batch_in_background()
    programs.prepare_pair_in_background()
    programs.run(positions[:2], 5, None)
    assert sizes == [1, 1]
    gate.set()
    programs._making[2].join()
    assert set(programs._programs) == {1, 2, BATCH}  # the batch was asked for first
    outputs = programs.run(positions, 5, None)
    assert sizes == [1, 1, 2, 1]
    np.testing.assert_array_equal(np.concatenate([output.wdl_logits for output in outputs]), [1, 2, 3])
    making = programs._making[2]
    programs.prepare_pair_in_background()
    assert programs._making[2] is making


def test_an_accelerator_needs_no_pairs() -> None:
    programs = NetworkPrograms(lambda size: pytest.fail(f"made a program of {size}"), batch=64, few=1)
    programs.prepare_pair_in_background()
    assert not programs._making


@pytest.mark.slow
def test_a_start_that_is_killed_leaves_its_program_to_the_next(tmp_path: Path) -> None:
    save_network(tmp_path / "net", CONFIG, stirred(serving_shapes(CONFIG)), "", {})
    command = [*REAL, "--weights", str(tmp_path / "net")]
    folder = {"JAX_COMPILATION_CACHE_DIR": str(tmp_path / "cache")}
    with Process(command, tmp_path, **folder) as engine:
        engine.say("uci", "isready")
        engine.read_until("readyok")
        engine.pipes.send_signal(signal.SIGKILL)
    (path,) = (tmp_path / "cache" / "programs").glob("*.program")
    written = path.stat().st_ino
    with Process(command, tmp_path, **folder) as engine:
        engine.say("uci", "isready", "go nodes 1")
        engine.read_until("bestmove")
        engine.say("quit")
        assert engine.end() == (0, "", "")
    assert path.stat().st_ino == written
