"""One step of the latent model by its equations in float64 NumPy, and the policy that it improves, move by move."""

import numpy as np

from tests.reference import muesli_reference
from tests.reference.block_reference import Params, feed_forward, rms_norm, self_attention


def _dense(x: np.ndarray, params: Params) -> np.ndarray:
    return x @ np.asarray(params["kernel"], float) + np.asarray(params.get("bias", 0.0), float)


def _expected(logits: np.ndarray, support: np.ndarray) -> float:
    powers = np.exp(logits - logits.max())
    return float((powers / powers.sum()) @ support)


def embedded(params: Params, squares: np.ndarray) -> np.ndarray:
    """Returns the latent `[S, W]` of the state `[S, D]` on the board."""
    x = _dense(squares, params["embedding"]) + np.asarray(params["square_embedding"], float)
    return rms_norm(x, params["norm_embedding"])


def step_logits(
    params: Params, latent: np.ndarray, start: int, end: int, promotion: int, heads: int
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the logits of the value after a move, for the opponent, and of the reward, `[3]`, for who makes it.

    Args:
      params: of the model.
      latent: `[S, W]`.
      start: square the piece leaves, in the mover's view.
      end: square it goes to.
      promotion: 0 none or queen, 1 rook, 2 bishop, 3 knight.
      heads: of the attention.
    """
    moves = np.asarray(params["move_embedding"], float)
    x = latent.copy()
    x[start] += moves[0]
    x[end] += moves[1] + moves[2 + promotion]
    x = rms_norm(x, params["norm_in"])[None]
    bias = np.asarray(params["square_bias"], float)[None]
    x = rms_norm(x + self_attention(x, bias, params["attention"], heads)[0], params["norm_attention"])
    x = rms_norm(x + feed_forward(x, params["feed_forward"]), params["norm_out"])[0]
    reward = _dense(np.maximum(_dense(x.mean(axis=0), params["reward_hidden"]), 0), params["reward_classes"])
    # The opponent sees the ranks from the other side; the mean over squares does not mind, but squares do.
    after = np.stack([x[square ^ 56] for square in range(64)])
    value = _dense(np.maximum(_dense(after.mean(axis=0), params["value_hidden"]), 0), params["value_bins"])
    return value, reward


def action_value(
    params: Params, latent: np.ndarray, start: int, end: int, promotion: int, heads: int, support: np.ndarray
) -> float:
    """Returns r - v after a move, for the player who makes it.

    Args:
      params: of the model.
      latent: `[S, W]`.
      start: square the piece leaves, in the mover's view.
      end: square it goes to.
      promotion: 0 none or queen, 1 rook, 2 bishop, 3 knight.
      heads: of the attention.
      support: of the value, `[V]`.
    """
    value, reward = step_logits(params, latent, start, end, promotion, heads)
    return _expected(reward, np.array([-1.0, 0.0, 1.0])) - _expected(value[: len(support)], support)


def improved_policy(
    prior: np.ndarray, q: np.ndarray, score_logits: np.ndarray, scale: float, clip: float
) -> np.ndarray:
    """Returns pi_cmpo over the legal moves, `[L]`.

    Args:
      prior: `[L]` probabilities.
      q: `[L]` action values.
      score_logits: `[V]`, of the position's expected score in 0..1.
      scale: of advantages.
      clip: c.
    """
    middles = (np.arange(len(score_logits)) + 0.5) / len(score_logits)
    value = 2.0 * _expected(score_logits.astype(float), middles) - 1.0
    return muesli_reference.cmpo(prior, (q - value) / scale, clip)
