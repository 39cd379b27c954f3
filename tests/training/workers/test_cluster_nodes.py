"""The account of a cluster's nodes, without a cluster."""

from collections import Counter
from typing import Any

import pytest

from training.workers import cluster_nodes
from training.workers.cluster_nodes import ClusterNodes
from training.workers.crew import CrewError, NodeRates, rates_line


def row(key: str, *, cpus: float = 2.0, alive: bool = True, name: str = "") -> dict[str, Any]:
    named = {"NodeName": name or "10.0.0.1", "NodeManagerAddress": "10.0.0.1", "NodeManagerHostname": "rack"}
    return {"NodeID": key, "Alive": alive, "Resources": {"CPU": cpus} if alive else {}, **named}


def test_workers_are_placed_where_most_processors_are_free() -> None:
    nodes = ClusterNodes(2, print)
    nodes.update([row("a", cpus=4), row("b", cpus=9), row("c", cpus=1), row("d", alive=False)])
    taken: Counter[str] = Counter()
    while (key := nodes.free_place(taken)) is not None:
        taken[key] += 1
    assert taken == {"a": 2, "b": 4} and nodes.places() == 6


def test_no_two_nodes_have_the_same_name() -> None:
    nodes = ClusterNodes(1, print)
    nodes.update([row("a"), row("b"), row("c", name="rack"), row("d", name="other")])
    assert [nodes[key].name for key in "abcd"] == ["rack", "rack-2", "rack-3", "other"]


def test_a_node_that_comes_back_has_its_old_name() -> None:
    nodes = ClusterNodes(1, print)
    nodes.update([row("a", name="beta"), row("b", name="other")])
    nodes.update([row("c", name="beta"), row("a", name="beta", alive=False)])
    assert nodes["c"].name == "beta"


def test_a_node_where_no_worker_starts_is_left_out_at_once_and_reported_once() -> None:
    said: list[str] = []
    nodes = ClusterNodes(1, said.append)
    nodes.update([row("a"), row("b")])
    nodes.failed("a", "no engine", at_start=True)
    assert nodes.free_place(Counter()) == "b" and said == ["rack: left out: no engine"]
    with pytest.raises(CrewError, match="expected a node that can work, got none; the last was rack-2: nor here"):
        nodes.failed("b", "nor here", at_start=True)


def test_a_node_is_left_out_after_three_failures_of_each_worker_without_a_result(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cluster_nodes, "_REST_S", 0.0)
    said: list[str] = []
    nodes = ClusterNodes(1, said.append)
    nodes.update([row("a", cpus=2), row("b", cpus=1)])
    for _ in range(5):
        nodes.failed("a", "crash", at_start=False)
    nodes.delivered("a")
    for _ in range(5):
        nodes.failed("a", "crash", at_start=True)
    assert nodes.free_place(Counter()) == "a" and set(said) == {"rack: a worker is replaced: crash"}
    nodes.failed("a", "crash", at_start=False)
    assert nodes.free_place(Counter()) == "b" and said[-1] == "rack: left out: crash"


def test_a_node_that_leaves_is_reported_and_its_failures_no_more() -> None:
    said: list[str] = []
    nodes = ClusterNodes(1, said.append)
    nodes.update([row("a")])
    nodes.update([row("a", alive=False)])
    nodes.failed("a", "its process has ended", at_start=False)
    assert nodes.free_place(Counter()) is None and said == [
        "rack: it has left the cluster, and its work goes to others"
    ]
    nodes.update([row("b")])
    assert nodes.free_place(Counter()) == "b"


@pytest.mark.parametrize("cpus", [2.0, 0.0])  # with workers, and as a head that only writes
def test_the_work_ends_when_ray_ends_on_the_machine_of_the_program(cpus: float) -> None:
    nodes = ClusterNodes(1, print, own="a")
    nodes.update([row("a", cpus=cpus), row("b")])
    with pytest.raises(CrewError, match="expected Ray on this machine to go on running"):
        nodes.update([row("a", alive=False), row("b")])
    with pytest.raises(CrewError, match="expected Ray on this machine to go on running"):
        nodes.has_left("a")


def test_the_work_ends_when_the_last_node_that_could_do_it_leaves() -> None:
    nodes = ClusterNodes(1, print)
    nodes.update([row("a"), row("b")])
    nodes.failed("a", "no engine", at_start=True)
    with pytest.raises(CrewError, match="the last was rack: no engine"):
        nodes.update([row("b", alive=False)])


def test_rates_are_of_late_and_by_node() -> None:
    rates = NodeRates(window_s=10.0)
    for second in range(20):
        rates.add(second, "beta" if second < 5 else "alpha", 4)
    assert rates_line(rates.rates(20.0, 0.0)) == "alpha 4/s"
    rates.add(21.0, "beta", 50)
    assert rates_line(rates.rates(21.0, 19.0)) == "alpha 16/s, beta 25/s"
