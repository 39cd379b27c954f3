"""Which parameters are changed when heads are switched off."""

import jax
import numpy as np
import pytest

from engine.checkpoint import serving_network
from engine.view.ablation import HeadError, without_heads
from tests.doubles.tiny_network import param_shapes, stirred, tiny_config
from tests.doubles.tiny_view import TINY


@pytest.mark.parametrize("arithmetic", ["float32", "int8"])
def test_only_the_rows_of_the_heads_become_zero(arithmetic: str) -> None:
    config = tiny_config(blocks=2, arithmetic=arithmetic)
    params = stirred(param_shapes(serving_network(config)))
    changed = without_heads(params, config, ((1, 0), (0, 1)))
    width = config.width // config.heads
    for (path, before), after in zip(
        jax.tree_util.tree_leaves_with_path(params), jax.tree_util.tree_leaves(changed), strict=True
    ):
        names = [key.key for key in path]
        off = {"block_1": 0, "block_0": 1}.get(names[2] if len(names) > 2 else "")
        if off is not None and names[3:5] == ["attention", "output"] and names[-1] in ("kernel", "values"):
            old, new = (np.asarray(leaf).reshape(config.heads, width, -1) for leaf in (before, after))
            assert old[off].any() and not new[off].any() and before.dtype == after.dtype
            np.testing.assert_array_equal(new[1 - off], old[1 - off])
        else:
            np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("head", [(2, 0), (0, 99), (-1, 0)])
def test_a_head_that_is_not_there_is_refused(head: tuple[int, int]) -> None:
    with pytest.raises(HeadError, match="expected blocks 0 to 1"):
        without_heads({}, TINY, (head,))
