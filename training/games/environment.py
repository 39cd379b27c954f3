"""The games of self-play behind one interface; positions are signed bytes in the view of the side to move.

An observation is one code a cell, positive for the mover's pieces and negative for the opponent's, followed by a few
numbers of the whole position:

| game | cells | codes | numbers |
| --- | --- | --- | --- |
| tic_tac_toe | 3 x 3 | mark | |
| connect_four | 6 x 7 | stone | |
| gardner_chess | 5 files x 5 ranks | pawn 1 ... king 6 | half-move clock, earlier occurrences |
| chess | 8 x 8 | as `engine.encoding.position` | en-passant square, half-move clock, earlier occurrences |

Functions are for one state; use `jax.vmap`.
"""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from engine.encoding.move_labels import CELLS, LABEL_OF_CELL
from training.games import pgx_chess, pgx_rules
from training.games.pgx_rules import State
from training.games.random_endings import random_ending


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Environment:
    """A game of two players with perfect information, rewards -1, 0 or 1 at its end."""

    name: str
    # Rows and columns of cells.
    board: tuple[int, int]
    # Codes of cells are -pieces..pieces.
    pieces: int
    # Numbers behind the cells.
    numbers: int
    # A, actions.
    actions: int
    # As many legal actions as a position can have.
    most_legal: int
    # Plies after which every game has ended.
    longest_game: int
    # The cell at which the opponent sees each cell.
    turned: np.ndarray  # [S] int32
    # Key to initial state.
    start: Callable[[jax.Array], State]
    # State and action int32 [] to the next state.
    play: Callable[[State, jax.Array], State]
    # State to int8 [S + numbers].
    observe: Callable[[State], jax.Array]
    # State to bool [A].
    legal: Callable[[State], jax.Array]
    # Key and most pieces of a side beside its king to a random ending, of games that have such.
    ending: Callable[..., State] | None = None

    @property
    def cells(self) -> int:
        """S, cells of the board."""
        return self.board[0] * self.board[1]

    @property
    def observation_size(self) -> int:
        """O, bytes of an observation."""
        return self.cells + self.numbers


def make_environment(game: str) -> Environment:
    """Returns a game.

    Raises:
      ValueError: the name is unknown.
    """
    if game not in ENVIRONMENTS:
        raise ValueError(f"expected a game, one of {', '.join(ENVIRONMENTS)}, got {game!r}")
    return ENVIRONMENTS[game]()


def _with_pgx(game: str, observe: Callable[[State], jax.Array], **facts: object) -> Environment:
    """Returns a game whose actions are Pgx's labels."""
    facts.setdefault("turned", np.arange(int(np.prod(facts["board"])), dtype=np.int32))  # type: ignore[call-overload]
    return Environment(
        name=game,
        start=lambda key: pgx_rules.start(game, key),
        play=lambda state, action: pgx_rules.play(game, state, action),
        observe=observe,
        legal=lambda state: state.legal_action_mask,
        **facts,  # type: ignore[arg-type]
    )


def _marks(state: State) -> jax.Array:
    """Returns the cells of a game of stones: Pgx writes -1, 0, 1 for empty and the two colours."""
    stones = state._x.board
    return jnp.where(stones < 0, 0, jnp.where(stones == state._x.color, 1, -1)).astype(jnp.int8)


def _gardner_position(state: State) -> jax.Array:
    earlier = (state._hash_history == state._zobrist_hash[None]).all(axis=1).sum(dtype=jnp.int32) - 1
    numbers = jnp.stack([jnp.minimum(state._halfmove_count, 100), jnp.clip(earlier, 0, 2)])
    return jnp.concatenate([state._board, numbers]).astype(jnp.int8)


def _tic_tac_toe() -> Environment:
    return _with_pgx("tic_tac_toe", _marks, board=(3, 3), pieces=1, numbers=0, actions=9, most_legal=9, longest_game=9)


def _connect_four() -> Environment:
    return _with_pgx(
        "connect_four", _marks, board=(6, 7), pieces=1, numbers=0, actions=7, most_legal=7, longest_game=42
    )


def _gardner_chess() -> Environment:
    # Pgx counts cells up the files; the opponent sees the ranks from the other side.
    cells = np.arange(25, dtype=np.int32)
    return _with_pgx(
        "gardner_chess",
        _gardner_position,
        board=(5, 5),
        pieces=6,
        numbers=2,
        actions=25 * 49,
        # Six queens of 16 moves, the other pieces of 8.
        most_legal=128,
        longest_game=256,
        turned=cells // 5 * 5 + 4 - cells % 5,
    )


def _chess() -> Environment:
    labels = jnp.asarray(LABEL_OF_CELL, jnp.int32)
    return Environment(
        name="chess",
        board=(8, 8),
        pieces=7,
        numbers=3,
        actions=CELLS,
        most_legal=218,
        longest_game=512,
        turned=np.arange(64, dtype=np.int32) ^ 56,
        start=pgx_chess.start_state,
        play=lambda state, cell: pgx_chess.step_state(state, labels[cell]),
        observe=pgx_chess.position_of_state,
        legal=pgx_chess.legal_cells_of_state,
        ending=random_ending,
    )


ENVIRONMENTS: dict[str, Callable[[], Environment]] = {
    "tic_tac_toe": _tic_tac_toe,
    "connect_four": _connect_four,
    "gardner_chess": _gardner_chess,
    "chess": _chess,
}
