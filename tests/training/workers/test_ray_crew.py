"""Labelling on a Ray cluster of simulated nodes, of which some are killed or cannot work."""

import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import chess
import pytest

from engine.command_line import run_command
from tests.doubles.ray_nodes import ray_cluster, start_command, until
from tests.doubles.scripted_teacher import write_teacher
from training.labels.label_formats import read_labels

pytestmark = [pytest.mark.cluster, pytest.mark.filterwarnings("ignore")]  # those of Ray


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    pytest.importorskip("ray")
    with ray_cluster(num_cpus=1, node_name="alpha") as nodes:
        yield nodes


def teacher(folder: Path, first: str, at_line: str = "pass") -> str:
    """Writes a teacher that runs a line of Python before anything else, and one at every line that it is sent."""
    script = Path(write_teacher(folder).split()[1])
    text = script.read_text(encoding="utf-8").replace("    words =", f"    {at_line}\n    words =", 1)
    script.write_text(f"import os, sys\n{first}\n{text}", encoding="utf-8")
    return f"{sys.executable} {script}"


def positions_by_share(out: Path) -> Counter[str]:
    lines = out.read_text(encoding="utf-8").splitlines() if out.exists() else []
    return Counter(line.split(".")[1] for line in lines if line.count(".") > 1)


def keys(out: Path) -> list[str]:
    return [" ".join(label.board.fen(en_passant="legal").split()[:4]) for label in read_labels(out, "all")]


def test_an_engine_that_starts_nowhere_is_one_line(cluster: Any, tmp_path: Path) -> None:
    out = tmp_path / "labels.tsv"
    labelling = start_command("label", "--cluster", cluster.address, "--engine", "absent-engine", "--out", out)
    _, told = labelling.communicate(timeout=120)
    assert labelling.returncode == 2
    assert "expected a node that can work, got none; the last was alpha: expected a UCI engine" in told


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("127.0.0.1:1", "expected a Ray cluster at 127.0.0.1:1, got no answer"),
        ("ray://head:1", "expected the address of a Ray cluster as HOST:PORT or auto, got 'ray://head:1'"),
    ],
)
def test_an_address_without_a_cluster_is_one_line(
    address: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("ray")
    arguments = ["--engine", "x", "--out", str(tmp_path / "x.tsv"), "--cluster", address]
    assert run_command("label", arguments) == 2
    assert said in capsys.readouterr().err


def test_files_are_labelled_to_their_end_where_the_engine_starts(cluster: Any, tmp_path: Path) -> None:
    out, positions, once = tmp_path / "labels.tsv", tmp_path / "positions.epd", tmp_path / "once"
    board = chess.Board()
    fens = []
    for move in ("e2e4", "e7e5", "g1f3", "b8c6", "f1b5", "a7a6", "b5a4", "g8f6", "e1g1", "f8e7"):
        board.push_uci(move)
        fens.append(board.fen(en_passant="legal"))
    positions.write_text("\n".join(fens) + "\n", encoding="utf-8")
    crash = f"if '/4P3/' in line and not os.path.exists({str(once)!r}): open({str(once)!r}, 'x'); sys.exit()"
    engine = teacher(tmp_path, "os.environ.get('BROKEN') and sys.exit()", crash)
    cluster.add_node(num_cpus=2, node_name="broken", env_vars={"BROKEN": "1"})
    files = ["--source", "files", "--in", positions]
    labelling = start_command("label", "--cluster", cluster.address, "--engine", engine, "--out", out, *files)
    _, told = labelling.communicate(timeout=120)
    assert labelling.returncode == 0, told
    assert told.count("broken: left out: expected a UCI engine that answers") == 1
    assert "alpha: a worker is replaced: expected" in told
    assert sorted(keys(out)) == sorted(" ".join(fen.split()[:4]) for fen in fens)


def test_nodes_and_workers_come_and_go_and_every_position_is_labelled_once(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    with ray_cluster(num_cpus=1, node_name="alpha") as cluster:
        _label_while_nodes_come_and_go(cluster, tmp_path)


def _label_while_nodes_come_and_go(cluster: Any, tmp_path: Path) -> None:
    out, pids, told = tmp_path / "labels.tsv", tmp_path / "pids", tmp_path / "told"
    engine = teacher(tmp_path, f"print(os.getppid(), file=open({str(pids)!r}, 'a'))")
    words = ["label", "--cluster", cluster.address, "--engine", engine, "--out", out, "--minutes", 9]
    with told.open("w") as errors:
        labelling = start_command(*words, errors=errors)
    until(lambda: positions_by_share(out)["0"] > 10)
    beta = cluster.add_node(num_cpus=1, node_name="beta")
    until(lambda: positions_by_share(out)["1"] > 10)

    cluster.remove_node(beta, allow_graceful=False)
    until(lambda: "beta: " in told.read_text())
    before = positions_by_share(out)["0"]
    until(lambda: positions_by_share(out)["0"] > before + 10)

    os.kill(int(pids.read_text().split()[0]), signal.SIGKILL)  # the worker of the first share
    until(lambda: "alpha: a worker is replaced: its process has ended" in told.read_text())
    before = positions_by_share(out)["1"] + positions_by_share(out)["0"]
    until(lambda: sum(positions_by_share(out).values()) > before + 30)

    cluster.remove_node(cluster.add_node(num_cpus=1, node_name="gamma"))  # before it has done anything
    labelling.send_signal(signal.SIGINT)
    assert labelling.wait(timeout=120) == 130, told.read_text()
    assert len(keys(out)) == len(set(keys(out))) > 50
    groups = [label.group for label in read_labels(out, "all")]
    whole = [group for before, group in zip(["", *groups], groups, strict=False) if group != before]
    assert len(whole) == len(set(whole))  # no game was begun again after a part of it was there
