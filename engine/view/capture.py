"""One position, step by step: what the network would play after each solver step, and what it attends to.

The entries of a trace are the states of the recursion. State 0 is the injected board before any step; state i is what
the solver holds after i steps, and a solver that has stopped goes on holding it. Policy and result of state i are those
of the network that plays, called with the `step_limit` i: the same code, the same weights, the same (int8) products,
and so the same extra steps that it takes at a solution. Attention and residual of state i are those of f applied to it.
Nothing that plays runs this program. It is compiled apart from the one that plays, so its sums round differently; the
policy and result of the played state are therefore taken from the evaluator that plays.
"""

import dataclasses
import functools
from typing import NamedTuple

import chess
import chex
import jax
import jax.numpy as jnp
import numpy as np

from engine.checkpoint import LoadedNetwork
from engine.encoding.move_labels import legal_moves_and_cells
from engine.encoding.position import encode_position, mover_square
from engine.network.attention_capture import injection_of, watch
from engine.network.model import Network, evaluate
from engine.network.tokens import tokens_of
from engine.player.evaluator import Evaluation, Evaluator, log_softmax
from engine.view.head_ablation import HeadChoice, without_heads

# A network that plays after one or two steps is shown settling further; the page says which step is played.
_FEWEST_SHOWN = 8


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Trace:
    """How the network settles on one position; I states, L legal moves, n men (or all squares).

    Attributes:
      evaluation: what is played, from the evaluator that plays.
      log_probs: `[I, L]` natural logarithms of the policy over `evaluation.moves`.
      illegal_share: `[I]` what all illegal cells would get of the policy if they were not masked, in 0..1.
      wdl_to_move: `[I, 3]` win, draw, loss of the side to move.
      residual: `[I]` relative residual ||f(z) - z|| / ||f(z)|| of the state.
      attention: `[I, blocks, H, n, n]` float32, query then key, in the order of `squares`; sums to 1 over keys.
      squares: the squares of the tokens, n of them, as python-chess numbers squares.
    """

    evaluation: Evaluation
    log_probs: np.ndarray
    illegal_share: np.ndarray
    wdl_to_move: np.ndarray
    residual: np.ndarray
    attention: np.ndarray
    squares: tuple[chess.Square, ...]

    @property
    def played_state(self) -> int:
        """The state whose policy is played."""
        return min(self.evaluation.steps, len(self.residual) - 1)


class _Captured(NamedTuple):
    policy_logits: jax.Array  # [I, Z]
    wdl_logits: jax.Array  # [I, 3]
    residual: jax.Array  # [I]
    attention: jax.Array  # [I, blocks, H, N, N]
    square: jax.Array  # [N] square of a token, in the mover's view
    is_used: jax.Array  # [N] bool


class Capture:
    """Traces positions with one compiled program, or with another one while heads are switched off.

    Args:
      loaded: the network that plays.
      evaluator: plays with it; it gives the evaluation of a trace.
    """

    def __init__(self, loaded: LoadedNetwork, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self.config = loaded.network.config
        steps = self.config.own_steps
        self.states = (max(steps, _FEWEST_SHOWN) if self.config.core.extrapolates else steps) + 1
        self._program = jax.jit(functools.partial(_capture, loaded.network, self.states, loaded.params))
        self._params, self._own_steps = loaded.params, steps
        # Of parameters that are given: compiled when heads are switched off for the first time.
        self._program_of = jax.jit(functools.partial(_capture, loaded.network, self.states))

    def trace(self, board: chess.Board, without: HeadChoice = ()) -> Trace:
        """Traces a position; the played state says exactly what the evaluator says.

        Args:
          board: with at least one legal move and at most 16 men a side; its move stack supplies the repetitions.
          without: heads to switch off; the trace is then of a network that nobody plays, beside what is played.

        Raises:
          HeadError: there is no such head.
        """
        traced = self.computed(board, without)
        return traced if without else _with_played(traced, self._own_steps)

    def computed(self, board: chess.Board, without: HeadChoice = ()) -> Trace:
        """Traces a position; the played state is what this program computes, which rounds differently from play."""
        (evaluation,) = self._evaluator.evaluate([board])
        position = encode_position(board)[None]
        if without:
            computed = self._program_of(without_heads(self._params, self.config, without), position)
        else:
            computed = self._program(position)
        captured: _Captured = jax.device_get(computed)
        _, cells = legal_moves_and_cells(board)
        used = np.flatnonzero(captured.is_used)
        every_log_prob = log_softmax(np.asarray(captured.policy_logits, float))
        return Trace(
            evaluation=evaluation,
            log_probs=log_softmax(np.asarray(captured.policy_logits)[:, cells]),
            illegal_share=1.0 - np.exp(every_log_prob[:, cells]).sum(axis=1),
            wdl_to_move=np.exp(log_softmax(np.asarray(captured.wdl_logits))),
            residual=np.asarray(captured.residual),
            attention=np.asarray(captured.attention)[..., used[:, None], used],
            squares=tuple(mover_square(int(square), board.turn) for square in captured.square[used]),
        )


def _with_played(trace: Trace, own_steps: int) -> Trace:
    """Puts the evaluation that is played in the place of the state that is, and of those that only go on holding it."""
    played = trace.played_state
    is_held = trace.evaluation.steps < own_steps
    places = slice(played, None if is_held else played + 1)
    log_probs, wdl = trace.log_probs.copy(), trace.wdl_to_move.copy()
    log_probs[places], wdl[places] = trace.evaluation.log_probs, trace.evaluation.wdl_to_move
    return dataclasses.replace(trace, log_probs=log_probs, wdl_to_move=wdl)


def _capture(network: Network, states: int, params: chex.ArrayTree, position: jax.Array) -> _Captured:
    """Traces one encoded position `[1, P]`."""
    chex.assert_shape(position, (1, None))
    # The stop rule stays that of play; only the bound is raised, and each state has its own.
    unbounded = network.clone(step_bound=states - 1)

    def read(limit: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        output = evaluate(unbounded, params, position, limit)
        return output.policy_logits[0], output.wdl_logits[0], output.stats.steps[0]

    policy, wdl, steps = jax.lax.map(read, jnp.arange(states, dtype=jnp.int32))
    seen = watch(network, params, injection_of(network, params, position), steps)
    tokens = tokens_of(position, network.config.tokens)
    square = jnp.arange(64) if tokens.select is None else jnp.argmax(tokens.select[0], axis=1)
    return _Captured(policy, wdl, seen.residual[:, 0], seen.attention[:, :, 0], square, tokens.is_used[0])
