"""The network of small games: a neighbourhood is what lies around a cell, and every part hears of the whole board."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from training.games.environment import make_environment
from training.self_play.board_network import BoardAgent, BoardNetworkConfig, neighbourhood_product


def slow_neighbourhood(x: np.ndarray, kernel: np.ndarray, rows: int, columns: int) -> np.ndarray:
    out = np.zeros((*x.shape[:2], kernel.shape[3]))
    for row in range(rows):
        for column in range(columns):
            for up in (-1, 0, 1):
                for right in (-1, 0, 1):
                    if 0 <= row + up < rows and 0 <= column + right < columns:
                        cell = (row + up) * columns + column + right
                        out[:, row * columns + column] += x[:, cell] @ kernel[up + 1, right + 1]
    return out


@pytest.mark.parametrize("rounds", [False, True])
def test_a_neighbourhood_is_nine_cells_and_ends_at_the_edge(rounds: bool) -> None:
    draw = np.random.default_rng(0)
    x, kernel = draw.normal(size=(2, 12, 3)), draw.normal(size=(3, 3, 3, 5))
    result = neighbourhood_product(jnp.asarray(x, jnp.float32), jnp.asarray(kernel, jnp.float32), (3, 4), rounds)
    assert result.dtype == jnp.float32
    np.testing.assert_allclose(
        result, slow_neighbourhood(x, kernel, 3, 4), rtol=0.1 if rounds else 1e-4, atol=0.2 if rounds else 1e-4
    )


@pytest.mark.parametrize("mixing", ["neighbours", "board"])
def test_every_cell_matters_to_every_prediction(mixing: str) -> None:
    environment = make_environment("tic_tac_toe")
    config = BoardNetworkConfig(mixing=mixing, channels=4, blocks=2, head_width=8, value_bins=5)  # type: ignore[arg-type]
    agent = BoardAgent(environment, config, 0, "float32")
    params = jax.jit(agent.init)(jax.random.key(0))
    # The last layer of the value begins at 0, so that no value depends on anything.
    params["value"]["output"]["kernel"] = jnp.ones_like(params["value"]["output"]["kernel"]).at[:, 0].set(0.0)

    def predictions(boards: jax.Array) -> tuple[jax.Array, jax.Array]:
        root = agent.root(params, boards)
        step = agent.advance(params, root.latent, jnp.zeros(boards.shape[:1], jnp.int32))
        return jnp.concatenate([root.prediction.policy_logits, root.prediction.value_logits], axis=1), step.latent

    boards = jnp.concatenate([jnp.zeros((1, 9), jnp.int8), jnp.eye(9, dtype=jnp.int8)])
    said, latent = jax.jit(predictions)(boards)
    assert np.all(np.abs(said[1:] - said[:1]).max(axis=1) > 1e-4)
    assert np.all(np.abs(said[1:, :9] - said[:1, :9]) > 1e-7)
    assert np.all(np.abs(latent[1:] - latent[:1]).max(axis=(1, 2)) > 1e-4)
