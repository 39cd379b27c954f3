"""A labelling process whose teacher is a function."""

from collections.abc import Mapping
from typing import Any

import pytest

from training.labels.label_source import LabelWorker, MoveValues


def scripted_worker(move_values: MoveValues, **more: Any) -> LabelWorker:
    """Returns the only process of a labelling, unless more says otherwise."""
    settings: dict[str, Any] = {"seed": 1, "number": 0, "processes": 1, "new_game": lambda: None, **more}
    return LabelWorker(**{"move_values": move_values, "with_moves_searched": _never, **settings})


def _never(*question: Any) -> Mapping[str, float]:
    pytest.fail(f"the teacher was asked: {question}")
