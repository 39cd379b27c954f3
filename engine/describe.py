"""Prints a network's settings, its size, the facts of its origin and its checksum."""

import argparse
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.command_options import add_example, add_weights

if TYPE_CHECKING:
    from engine.checkpoint import NetworkFacts


def description_lines(folder: Path) -> list[str]:
    """Returns the description of a network's folder.

    Raises:
      CheckpointError: it is not a network that this version can play.
    """
    from engine.checkpoint import read_network_facts
    from engine.frozen_config import to_json_dict

    network = read_network_facts(folder)
    return [
        *_section("network", {"folder": folder.name, "path": folder, "sha256": network.sha256}),
        *_section("sizes", _sizes(folder, network)),
        *_section("facts", network.facts),
        *(_section("latent model", to_json_dict(network.model)) if network.model else ()),
        *_section("config", dict(_flat(to_json_dict(network.config)))),
    ]


def add_describe(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `recursezero describe`."""
    add_weights(parser)
    add_example(parser, "recursezero describe --weights weights/mine")
    parser.set_defaults(work=_describe)


def _describe(arguments: argparse.Namespace) -> int:
    from engine.weights_location import default_weights_folder

    print("\n".join(description_lines(arguments.weights or default_weights_folder())))
    return 0


def _sizes(folder: Path, network: "NetworkFacts") -> dict[str, object]:
    import jax

    from engine.checkpoint import serving_shapes

    leaves = jax.tree.leaves(serving_shapes(network.config))
    counts = [(math.prod(leaf.shape), leaf.dtype) for leaf in leaves]
    by_type = {str(dtype): sum(n for n, other in counts if other == dtype) for _, dtype in counts}
    stored = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return {
        "numbers served": ", ".join(f"{n:,} {name}" for name, n in sorted(by_type.items())),
        "memory": f"{sum(n * dtype.itemsize for n, dtype in counts) / 2**20:.2f} MiB",
        "files": f"{stored / 2**20:.2f} MiB",
    }


def _section(title: str, values: Mapping[str, object]) -> list[str]:
    width = max(map(len, values), default=0)
    return [title, *(f"  {name:{width}}  {value}" for name, value in values.items())]


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Yields the leaves of nested settings, named with dots."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
