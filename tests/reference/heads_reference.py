"""The policy and value heads by loops over cells, in float64, from the parameters of a network."""

from typing import Any

import numpy as np

from tests.reference.attention_reference import attention
from tests.reference.block_reference import heads_apart, heads_joined, rms_norm

Params = Any  # nested dict of arrays


def _linear(x: np.ndarray, params: Params) -> np.ndarray:
    return x @ np.asarray(params["kernel"], float)


def _placed(tokens: np.ndarray, slots: list[list[int | None]]) -> np.ndarray:
    """Returns `[B, N, D]` on the squares `[B, S, D]`; slots are the squares of the tokens, None when empty."""
    board = np.zeros((len(tokens), 64, tokens.shape[-1]))
    for b, squares in enumerate(slots):
        for n, square in enumerate(squares):
            if square is not None:
                board[b, square] = tokens[b, n]
    return board


def square_keys(
    params: Params, heads: int, z: np.ndarray, slots: list[list[int | None]], features: np.ndarray
) -> np.ndarray:
    """Returns the key of every square `[B, S, policy_width]`."""
    squares = _linear(features, params["square_features"]) + np.asarray(params["square_embedding"], float)
    squares = squares + _placed(_linear(z, params["occupant"]), slots)
    squares = rms_norm(squares, params["norm_squares"])
    key, value = np.split(_linear(z, params["token_key_value"]), 2, axis=-1)
    bias = np.array([[0.0 if square is not None else -1e9 for square in row] for row in slots])
    bias = np.broadcast_to(bias[:, None, None, :], (len(z), heads, 64, z.shape[1]))
    query = _linear(squares, params["square_query"])
    mixed, _ = attention(heads_apart(query, heads), heads_apart(key, heads), heads_apart(value, heads), bias)
    squares = squares + _linear(heads_joined(mixed), params["seen"])
    hidden = np.maximum(_linear(squares, params["hidden"]), 0) ** 2
    return _linear(rms_norm(squares + _linear(hidden, params["mapped"]), params["norm_keys"]), params["key"])


def policy_logits(params: Params, z: np.ndarray, keys: np.ndarray, slots: list[list[int | None]]) -> np.ndarray:
    """Returns the logits `[B, 4288]`, cell by cell, of keys `[B, S, policy_width]`."""
    queries = _linear(z, params["query"])
    offsets = _linear(keys, params["under_promotion"])
    logits = np.zeros((len(z), 4288))
    for b, squares in enumerate(slots):
        plain = np.zeros((64, 64))
        for n, start in enumerate(squares):
            for end in range(64):
                if start is not None:
                    plain[start, end] = np.dot(queries[b, n], keys[b, end]) / np.sqrt(keys.shape[-1])
        logits[b, :4096] = plain.reshape(-1)
        for start, end, piece in np.ndindex(8, 8, 3):
            cell = 4096 + (start * 8 + end) * 3 + piece
            logits[b, cell] = plain[48 + start, 56 + end] + offsets[b, 56 + end, piece]
    return logits


def value_logits(params: Params, z: np.ndarray, is_used: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns logits of win, draw, loss `[B, 3]` and of the bins of the expected score."""
    each = np.maximum(_linear(z, params["token"]), 0) ** 2
    mean = np.stack([row[used].mean(axis=0) for row, used in zip(each, is_used, strict=True)])

    def dense(x: np.ndarray, name: str) -> np.ndarray:
        return _linear(x, params[name]) + np.asarray(params[name]["bias"], float)

    hidden = np.maximum(dense(rms_norm(mean, params["norm"]), "hidden"), 0)
    return dense(hidden, "win_draw_loss"), dense(hidden, "bins")
