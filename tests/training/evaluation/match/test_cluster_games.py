"""Matches and ladders on a Ray cluster of simulated nodes: the games of one machine, also when a node is killed."""

import json
import os
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.command_line import run_command
from tests.doubles.ray_nodes import ray_cluster, start_command, until

pytestmark = [pytest.mark.cluster, pytest.mark.filterwarnings("ignore")]  # those of Ray
FAKE = shlex.join([sys.executable, str(Path(__file__).parents[3] / "doubles" / "fake_uci_engine.py")])
LAST = f"{FAKE} --last"
QUICK = ["--limit", "nodes=1", "--max-plies", "24", "--seed", "3"]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    pytest.importorskip("ray")
    with ray_cluster(num_cpus=1, node_name="alpha") as nodes:
        yield nodes


def games(out: Path) -> list[tuple[int, bool, str]]:
    rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()[1:]] if out.exists() else []
    return sorted((row["pair"], row["first_is_white"], row["moves"]) for row in rows)


def command(*words: object) -> tuple[int, str, str]:
    running = start_command(*words)
    told, warned = running.communicate(timeout=120)
    return running.returncode, told, warned


def test_a_sequential_test_ends_the_match_on_all_nodes(cluster: Any, tmp_path: Path) -> None:
    bad, out = f"{FAKE} --fault illegal", tmp_path / "games.jsonl"
    arguments = [FAKE, bad, *QUICK, "--games", "200", "--sprt", "0:200:0.2:0.2", "--out", out]
    status, told, warned = command("match", "--cluster", cluster.address, *arguments)
    assert status == 0, warned
    assert "accepted" in told and "Fake 1 (1) - Fake 1 (2)" in told and len(games(out)) < 50


def test_a_clock_is_refused_where_ray_promises_more_processors_than_there_are(cluster: Any, tmp_path: Path) -> None:
    crowded = cluster.add_node(num_cpus=(os.cpu_count() or 1) + 1, node_name="crowded")
    out, clock = tmp_path / "games.jsonl", ["--limit", "tc=10+0.1", "--max-plies", "14"]
    status, _, warned = command("match", "--cluster", cluster.address, FAKE, LAST, *clock, "--games", 4, "--out", out)
    cluster.remove_node(crowded)
    assert status == 0 and len(games(out)) == 4, warned
    assert warned.count("crowded: left out: expected Ray to be told of at most") == 1


def test_a_ladder_is_the_same_as_on_one_machine(cluster: Any, tmp_path: Path) -> None:
    ladder = ["--engine", FAKE, "--limit", "nodes=1", "--stockfish", f"{LAST} --fails-below 2", "--max-plies", "16"]
    ladder += ["--levels", "1,2", "--games", "4", "--probe-games", "2", "--json"]
    here, there = tmp_path / "here.json", tmp_path / "there.json"
    assert run_command("ladder", [*ladder, str(here)]) == 0
    status, _, warned = command("ladder", "--cluster", cluster.address, *ladder, there)
    assert status == 0, warned
    assert json.loads(there.read_text())["figures"] == json.loads(here.read_text())["figures"]


def test_the_games_are_those_of_one_machine_though_a_node_is_killed(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    slow, here, there = f"{FAKE} --pace 0.05", tmp_path / "here.jsonl", tmp_path / "there.jsonl"
    assert run_command("match", [FAKE, LAST, *QUICK, "--games", "12", "--out", str(here)]) == 0
    with ray_cluster(num_cpus=1, node_name="alpha") as cluster:
        arguments = [slow, LAST, *QUICK, "--games", "12", "--out", there]
        playing = start_command("match", "--cluster", cluster.address, *arguments)
        until(lambda: games(there))
        beta = cluster.add_node(num_cpus=1, node_name="beta")
        until(lambda: len(games(there)) >= 6)
        cluster.remove_node(beta, allow_graceful=False)
        told, warned = playing.communicate(timeout=120)
    assert playing.returncode == 0, warned
    assert games(there) == games(here) and "of 12 games" in told
