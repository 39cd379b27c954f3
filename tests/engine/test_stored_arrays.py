"""The reader of Orbax's files gives what Orbax and tensorstore give, bit by bit."""

import json
import shutil
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
import pytest
import tensorstore as ts

from engine.stored_arrays import StoredArraysError, _stored_values, _value, read_arrays
from tests.doubles.engine_process import ROOT, needs_weights


def saved_by_orbax(folder: Path, tree: Any) -> Path:
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(folder, tree)
    return folder


def assert_same(one: Any, other: Any) -> None:
    names, others = jax.tree.leaves_with_path(one), jax.tree.leaves_with_path(other)
    assert [path for path, _ in names] == [path for path, _ in others]
    for (_, left), (_, right) in zip(names, others, strict=True):
        assert left.dtype == right.dtype and left.shape == right.shape
        assert np.asarray(left).tobytes() == np.asarray(right).tobytes()


def test_a_tree_of_all_types_comes_back(tmp_path: Path) -> None:
    tree = {
        "a": {"kernel": jnp.arange(-6, 6, dtype=jnp.int8).reshape(3, 4), "b": {"scale": jnp.float32(0.1)}},
        "half": jnp.linspace(-1, 1, 7, dtype=jnp.bfloat16),
        "zeros": jnp.zeros((5, 3)),
        "large": jax.random.normal(jax.random.key(0), (300, 500)),
    }
    assert_same(read_arrays(saved_by_orbax(tmp_path / "tree", tree)), tree)


@needs_weights
def test_the_shipped_weights_are_those_that_orbax_reads() -> None:
    folder = ROOT / "weights" / "wide" / "params"
    with ocp.StandardCheckpointer() as checkpointer:
        expected = checkpointer.restore(folder)
    assert_same(read_arrays(folder), expected)


@pytest.mark.parametrize("compression", [None, {"id": "zstd", "level": 3}])
@pytest.mark.parametrize("node_bytes", [200, 1 << 20])
def test_a_database_has_the_names_and_values_that_tensorstore_wrote(
    tmp_path: Path, compression: dict[str, Any] | None, node_bytes: int
) -> None:
    config = {"compression": compression, "max_decoded_node_bytes": node_bytes, "max_inline_value_bytes": 8}
    store = ts.KvStore.open({"driver": "ocdbt", "base": f"file://{tmp_path}/", "config": config}).result()
    expected = {f"net.block_{i % 7}.{'x' * (i % 5)}{i}/.zarray": bytes([i]) * (i % 20) for i in range(150)}
    for name, value in expected.items():
        store[name] = value
    assert {name: _value(tmp_path, value) for name, value in _stored_values(tmp_path)} == expected


def test_an_array_in_chunks_is_put_together(tmp_path: Path) -> None:
    expected = np.arange(35, dtype=np.float32).reshape(5, 7)
    expected[3:, :4] = 0  # its chunk is not stored
    spec = {
        "driver": "zarr",
        "kvstore": {"driver": "ocdbt", "base": f"file://{tmp_path}/", "path": "net.kernel/"},
        "metadata": {"shape": [5, 7], "chunks": [3, 4], "dtype": "<f4", "compressor": None},
    }
    ts.open(spec, create=True).result().write(expected).result()
    path = {"key_metadata": [{"key": "net"}, {"key": "kernel"}]}
    (tmp_path / "_METADATA").write_text(json.dumps({"tree_metadata": {"": path}}), encoding="utf-8")
    np.testing.assert_array_equal(read_arrays(tmp_path)["net"]["kernel"], expected)


def test_damaged_files_are_one_line(tmp_path: Path) -> None:
    whole = saved_by_orbax(tmp_path / "whole", {"a": jnp.ones((3, 4))})
    for path in sorted(path for path in whole.rglob("*") if path.suffix != ".txt" and path.is_file()):
        content = path.read_bytes()
        for damaged in (b"", content[: len(content) // 2], content[::-1]):
            folder = tmp_path / "damaged"
            shutil.copytree(whole, folder)
            (folder / path.relative_to(whole)).write_bytes(damaged)
            try:
                read_arrays(folder)  # some files are not needed
            except StoredArraysError as error:
                assert str(error).startswith("expected arrays written by Orbax in ") and "\n" not in str(error)
            shutil.rmtree(folder)


def test_what_holds_no_arrays_is_refused(tmp_path: Path) -> None:
    (tmp_path / "_METADATA").write_text("{}", encoding="utf-8")
    with pytest.raises(StoredArraysError, match="got: no 'tree_metadata'"):
        read_arrays(tmp_path)
