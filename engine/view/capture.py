"""Traces one position step by step: what the network would play after each solver step, and what it attends to.

The entries of a trace are the states of the recursion. State 0 is the injected board before any step; state i is what
the solver holds after i steps, and the solver shown goes on where the one that plays would stop. Policy, result and
residual of state i are those of the network called with the `step_limit` i: the same code, the same weights, the same
(int8) products, and so the same extra steps that it takes at a solution. Attention of state i is that of f applied to
it. Nothing that plays runs this program. It is compiled separately, so its sums round differently; policy, result and
residual of the played state are therefore taken from the evaluator that plays.
"""

import dataclasses
import functools
from pathlib import Path
from typing import Any, NamedTuple

import chess
import chex
import jax
import jax.numpy as jnp
import numpy as np

from engine.checkpoint import LoadedNetwork, load_network
from engine.encoding.move_labels import legal_moves_and_cells
from engine.encoding.position import encode_position, mover_square
from engine.network.cores.core_configs import DeqConfig
from engine.network.model import Network, evaluate, injection_of, watch
from engine.network.tokens import tokens_of
from engine.player.evaluator import Evaluation, Evaluator, log_softmax
from engine.player.network_evaluator import NetworkEvaluator, load_network_evaluator
from engine.player.program_store import use_compilation_cache
from engine.view.ablation import HeadChoice, without_heads

# A network that plays after one or two steps is shown settling further; the page says which step is played.
_FEWEST_SHOWN = 8


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Trace:
    """Shows how the network settles on one position; I states, L legal moves, n pieces (or all squares).

    Attributes:
      evaluation: by the evaluator that plays.
      log_probs: `[I, L]` natural logarithms of the policy over `evaluation.moves`.
      wdl_to_move: `[I, 3]` win, draw, loss of the side to move.
      residual: `[I]` of the last step, as an evaluation that stops there states it; NaN for state 0.
      attention: `[I, blocks, H, n, n]` float32, query then key, in the order of `squares`; sums to 1 over keys.
      squares: the squares of the tokens, n of them, as python-chess numbers squares.
      extra_steps: steps of the evaluation that are no steps between states: those of the gradient, where they count.
    """

    evaluation: Evaluation
    log_probs: np.ndarray
    wdl_to_move: np.ndarray
    residual: np.ndarray
    attention: np.ndarray
    squares: tuple[chess.Square, ...]
    extra_steps: int = 0

    @property
    def played_state(self) -> int:
        """The state whose policy is played; one that an exit ended is mapped before the heads read it."""
        return min(max(self.evaluation.steps - self.extra_steps, 0), len(self.residual) - 1)


class Capture:
    """Traces positions with one compiled program, and with a second one while heads are switched off.

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
        self._params = loaded.params
        # Of parameters that are given: compiled when heads are switched off for the first time.
        self._program_of = jax.jit(functools.partial(_capture, loaded.network, self.states))

    def trace(self, board: chess.Board, without: HeadChoice = ()) -> Trace:
        """Traces a position; the played state equals the evaluation exactly.

        Args:
          board: with at least one legal move and at most 16 pieces a side; its move stack supplies the repetitions.
          without: heads to switch off; the trace is then that of a network that is not played.

        Raises:
          HeadError: there is no such head.
        """
        traced = self.computed(board, without)
        return traced if without else _with_played(traced)

    def computed(self, board: chess.Board, without: HeadChoice = ()) -> Trace:
        """Traces a position; the played state is computed here as well, and rounds differently from play."""
        (evaluation,) = self._evaluator.evaluate([board])
        position = encode_position(board)[None]
        if without:
            computed = self._program_of(without_heads(self._params, self.config, without), position)
        else:
            computed = self._program(position)
        captured: _Captured = jax.device_get(computed)
        _, cells = legal_moves_and_cells(board)
        used = np.flatnonzero(captured.is_used)
        return Trace(
            evaluation=evaluation,
            log_probs=log_softmax(np.asarray(captured.policy_logits)[:, cells]),
            wdl_to_move=np.exp(log_softmax(np.asarray(captured.wdl_logits))),
            residual=np.where(np.isfinite(captured.residual), captured.residual, np.nan),
            attention=np.asarray(captured.attention)[..., used[:, None], used],
            squares=tuple(mover_square(int(square), board.turn) for square in captured.square[used]),
            extra_steps=self.config.core.extra_steps,
        )


class OpenNetwork(NamedTuple):
    """Holds a network that plays and can be watched."""

    evaluator: NetworkEvaluator
    capture: Capture
    facts: dict[str, Any]  # name and checksum, for display

    def warm_up(self) -> None:
        """Compiles the capture, or fetches it from the compilation cache."""
        self.capture.trace(chess.Board())


class _Captured(NamedTuple):
    policy_logits: jax.Array  # [I, Z]
    wdl_logits: jax.Array  # [I, 3]
    residual: jax.Array  # [I]; inf where no step was made
    attention: jax.Array  # [I, blocks, H, N, N]
    square: jax.Array  # [N] square of a token, in the mover's view
    is_used: jax.Array  # [N] bool


def open_network(folder: Path) -> OpenNetwork:
    """Loads a network's folder and compiles what plays; the capture compiles when it is first used.

    Raises:
      CheckpointError: the folder is not a network that this version can play.
    """
    use_compilation_cache()
    evaluator = load_network_evaluator(folder)
    capture = Capture(load_network(folder), evaluator)
    return OpenNetwork(evaluator, capture, {"name": folder.resolve().name, "sha256": evaluator.sha256})


def _with_played(trace: Trace) -> Trace:
    """Replaces the played state by the evaluation that is played."""
    played, evaluation = trace.played_state, trace.evaluation
    log_probs, wdl, residual = trace.log_probs.copy(), trace.wdl_to_move.copy(), trace.residual.copy()
    log_probs[played], wdl[played], residual[played] = evaluation.log_probs, evaluation.wdl_to_move, evaluation.residual
    return dataclasses.replace(trace, log_probs=log_probs, wdl_to_move=wdl, residual=residual)


def _going_on(network: Network, steps: int) -> Network:
    """Returns the network with a solver that makes as many steps as its limit says."""
    core = network.config.core
    if isinstance(core, DeqConfig):
        solver = dataclasses.replace(core.solver, tolerance=0.0, stagnation_steps=0)
        core = dataclasses.replace(core, solver=solver, exit=None)
    return network.clone(config=dataclasses.replace(network.config, core=core), step_bound=steps)


def _capture(network: Network, states: int, params: chex.ArrayTree, position: jax.Array) -> _Captured:
    """Traces one encoded position `[1, P]`."""
    chex.assert_shape(position, (1, None))
    endless = _going_on(network, states - 1)

    def read(limit: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
        output = evaluate(endless, params, position, limit)
        return output.policy_logits[0], output.wdl_logits[0], output.stats.residual[0], output.stats.steps[0]

    policy, wdl, residual, steps = jax.lax.map(read, jnp.arange(states, dtype=jnp.int32))
    seen = watch(network, params, injection_of(network, params, position), steps)
    tokens = tokens_of(position, network.config.tokens)
    square = jnp.arange(64) if tokens.select is None else jnp.argmax(tokens.select[0], axis=1)
    return _Captured(policy, wdl, residual, seen.attention[:, :, 0], square, tokens.is_used[0])
