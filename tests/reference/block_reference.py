"""f and its parts by their equations in float64 NumPy, from the parameters of a network."""

from typing import Any

import numpy as np

from engine.network.network_config import NetworkConfig
from tests.reference.attention_reference import attention

Params = Any  # nested dict of arrays


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-x))


def rms_norm(x: np.ndarray, params: Params) -> np.ndarray:
    return x / np.sqrt(np.mean(x**2, axis=-1, keepdims=True) + 1e-6) * np.asarray(params["scale"], float)


def heads_apart(x: np.ndarray, heads: int) -> np.ndarray:
    """Returns `[B, N, H * C]` as `[B, H, N, C]`: head h owns the h-th run of C channels."""
    return np.stack(np.split(x, heads, axis=-1), axis=1)


def heads_joined(x: np.ndarray) -> np.ndarray:
    return np.concatenate([x[:, head] for head in range(x.shape[1])], axis=-1)


def gtrxl_gate(x: np.ndarray, y: np.ndarray, params: Params, dense: bool) -> np.ndarray:
    """GTrXL's eq. 5-8 with x the stream and y the sublayer, and twice the reset gate."""

    def linear(name: str, value: np.ndarray) -> np.ndarray:
        if dense:
            return value @ np.asarray(params[name]["kernel"], float)
        return value * np.asarray(params[name]["weight"], float)

    reset = sigmoid(linear("reset_y", y) + linear("reset_x", x))
    update = sigmoid(linear("update_y", y) + linear("update_x", x) - np.asarray(params["update_bias"], float))
    candidate = np.tanh(linear("candidate_y", y) + linear("candidate_x", 2 * reset * x))
    return (1 - update) * x + update * candidate


def feed_forward(x: np.ndarray, params: Params) -> np.ndarray:
    hidden = np.maximum(x @ np.asarray(params["hidden"]["kernel"], float), 0)
    return hidden**2 @ np.asarray(params["output"]["kernel"], float)


def self_attention(x: np.ndarray, bias: np.ndarray, params: Params, heads: int) -> tuple[np.ndarray, np.ndarray]:
    parts = np.split(x @ np.asarray(params["query_key_value"]["kernel"], float), 3, axis=-1)
    query, key, value = (heads_apart(part, heads) for part in parts)
    mixed, weights = attention(query, key, value, bias)
    return heads_joined(mixed) @ np.asarray(params["output"]["kernel"], float), weights


def apply_f(
    params: Params, config: NetworkConfig, tokens: np.ndarray, bias: np.ndarray, z: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Returns f(z) `[B, N, D]` and the attention weights `[blocks, B, H, N, N]` seen on the way.

    Args:
      params: of f.
      config: of the network.
      tokens: injected tokens `[B, N, D]`.
      bias: injected attention bias `[B, H, N, N]`.
      z: state `[B, N, D]`.
    """
    seen = []
    for index in range(config.blocks):
        block = params[f"block_{index}"]

        def joined(x: np.ndarray, y: np.ndarray, name: str, block: Params = block) -> np.ndarray:
            return x + y if config.gate == "none" else gtrxl_gate(x, y, block[name], config.gate == "dense")

        z = rms_norm(z + tokens, block["norm_in"])
        mixed, weights = self_attention(z, bias, block["attention"], config.heads)
        z = rms_norm(joined(z, mixed, "gate_attention"), block["norm_attention"])
        mapped = feed_forward(z, block["feed_forward"])
        z = rms_norm(joined(z, mapped, "gate_feed_forward"), block["norm_feed_forward"])
        seen.append(weights)
    return z, np.stack(seen)


def relative_residual(z: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Returns ||f(z) - z|| / ||f(z)|| of each sample, `[B]`."""
    return np.array([np.linalg.norm(b - a) / np.linalg.norm(b) for a, b in zip(z, image, strict=True)])
