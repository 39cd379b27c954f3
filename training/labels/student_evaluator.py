"""The network that is being trained, as a labelling process asks it: on one thread of the processor."""

from pathlib import Path

from engine.player.evaluator import Evaluator


def load_student(folder: Path) -> Evaluator:
    """Loads a network for one of several labelling processes.

    Args:
      folder: of the network.

    Raises:
      CheckpointError: the folder is not a network that this version can play.
    """
    from engine.player.backend import limit_threads

    limit_threads(1)  # the other processes and the teachers need their processors
    # Imported here: JAX takes seconds to load, and the other sources do not need it.
    from engine.player.network_evaluator import load_network_evaluator

    return load_network_evaluator(folder, "cpu")
