"""Switching attention heads off: what of a verdict comes from which head."""

from typing import Any

import chex

from engine.network.network_config import NetworkConfig

HeadChoice = tuple[tuple[int, int], ...]  # (block, head) each, from 0


class HeadError(ValueError):
    """There is no such head; the text is one line."""


def without_heads(params: chex.ArrayTree, config: NetworkConfig, heads: HeadChoice) -> chex.ArrayTree:
    """Returns parameters of a network in which some heads add nothing to the stream.

    A head owns C rows of the attention's output projection; they become 0, so in int8 it is exactly nothing, too.

    Args:
      params: nested dict of a network in training or serving form; it is left as it was.
      config: of the network.
      heads: block and head of each, from 0.

    Raises:
      HeadError: the network has no such block or head.
    """
    width = config.width // config.heads
    changed: Any = params
    for block, head in heads:
        if not (0 <= block < config.blocks and 0 <= head < config.heads):
            has = f"blocks 0 to {config.blocks - 1} and heads 0 to {config.heads - 1}"
            raise HeadError(f"expected {has}, got block {block}, head {head}")
        path = ("core", "f", f"block_{block}", "attention", "output", "kernel")
        try:
            changed = _with_rows_zero(changed, path, slice(head * width, (head + 1) * width))
        except KeyError:
            raise HeadError("expected a network whose f has heads to switch off, got another design") from None
    return changed


def _with_rows_zero(tree: Any, path: tuple[str, ...], rows: slice) -> Any:
    if path:
        return {**tree, path[0]: _with_rows_zero(tree[path[0]], path[1:], rows)}
    if isinstance(tree, dict):  # an int8 kernel: values and scale
        return {**tree, "values": tree["values"].at[rows].set(0)}
    return tree.at[rows].set(0.0)
