"""Run in a process of its own: iterations of a small run on all devices that this process, or its group, has.

python -m tests.doubles.sharded_self_play OUT [COORDINATOR PROCESSES INDEX]

Writes parameters, figures and replayed actions to OUT, which only the first process does.
"""

import sys
from typing import Any

import jax
import numpy as np


def main() -> None:
    """Runs three iterations."""
    out, *group = sys.argv[1:]
    if group:
        from training.runs.device_mesh import join_process_group

        join_process_group(group[0], int(group[1]), int(group[2]))
    from jax.experimental import multihost_utils

    from tests.doubles.self_play_runs import small_run
    from training.self_play.devices import lane_mesh, lane_shardings

    run = small_run("updates=2", "lanes=32")
    mesh = lane_mesh(run.config.lanes, run.config.updates)
    shardings = lane_shardings(jax.eval_shape(run.program.init), run.config.lanes, mesh)
    options = {"xla_backend_optimization_level": 0}
    state = jax.jit(run.program.init, out_shardings=shardings, compiler_options=options)()
    iterate = jax.jit(run.program.iterate, out_shardings=(shardings, None), compiler_options=options)
    for _ in range(3):
        state, figures = iterate(state)
    spread = len(state.replay.sequences.action.sharding.device_set)
    actions = multihost_utils.process_allgather(state.replay.sequences.action, tiled=True)
    if jax.process_index() == 0:
        arrays: dict[str, Any] = {"actions": actions, "devices": spread}
        arrays |= {f"param_{i}": np.asarray(leaf) for i, leaf in enumerate(jax.tree.leaves(state.learner.params))}
        arrays |= {f"figure_{name}": np.asarray(value) for name, value in figures.items()}
        np.savez(out, **arrays)


if __name__ == "__main__":
    main()
