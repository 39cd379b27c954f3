"""Several processes, on one machine or many, as one group whose devices run one program."""

import jax


def join_process_group(coordinator: str, processes: int, index: int) -> None:
    """Joins this process to the group; to be called before anything is computed.

    Every process then runs the same program over the devices of all. Figures are the same everywhere; the first process
    writes them.

    Args:
      coordinator: `host:port` of the first process.
      processes: how many there are.
      index: of this one, from 0.

    Raises:
      ValueError: the index is not one of the group.
    """
    if not 0 <= index < processes:
        raise ValueError(f"expected a process index from 0 to {processes - 1}, got {index}")
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.distributed.initialize(coordinator, processes, index)
