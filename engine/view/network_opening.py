"""Opens a network for display: the evaluator that plays, and the capture of the same weights."""

from pathlib import Path
from typing import Any, NamedTuple

import chess

from engine.checkpoint import load_network
from engine.player.network_evaluator import NetworkEvaluator, load_network_evaluator
from engine.view.capture import Capture


class OpenNetwork(NamedTuple):
    """A network that plays and can be watched."""

    evaluator: NetworkEvaluator
    capture: Capture
    facts: dict[str, Any]  # name and checksum, for display

    def warm_up(self) -> None:
        """Compiles the capture, or fetches it from the compilation cache."""
        self.capture.trace(chess.Board())


def open_network(folder: Path) -> OpenNetwork:
    """Loads a network's folder and compiles what plays; the capture compiles when it is first used.

    Raises:
      CheckpointError: the folder is not a network that this version can play.
    """
    evaluator = load_network_evaluator(folder)
    capture = Capture(load_network(folder), evaluator)
    return OpenNetwork(evaluator, capture, {"name": folder.resolve().name, "sha256": evaluator.sha256})
