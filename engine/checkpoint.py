"""A network's folder: settings, weights, checksum.

    network.json   format version, configuration, sha256 of it and the weights, facts about their making
    params/        Orbax checkpoint of the serving parameters
    CARD.md        for people

A folder that is missing, cut short, altered or newer than this code is refused with one line.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp

from engine.encoding.position import POSITION_SIZE
from engine.frozen_config import ConfigError, from_json_dict, to_json_dict
from engine.network.int8 import SERVING_PRODUCTS
from engine.network.model import Network
from engine.network.network_config import NetworkConfig

FORMAT_VERSION = 3  # 2: features of what men threaten; 3: the checksum covers the configuration
_MANIFEST, _PARAMS, _CARD = "network.json", "params", "CARD.md"


class CheckpointError(ValueError):
    """A folder does not hold a network that can be used; the text is one line."""


class LoadedNetwork(NamedTuple):
    """A network ready to play."""

    network: Network
    params: chex.ArrayTree
    sha256: str  # of configuration and weights


class NetworkFacts(NamedTuple):
    """What a network's folder says about itself."""

    config: NetworkConfig
    facts: Mapping[str, object]  # about its making
    sha256: str  # of configuration and weights, compared with the files


def serving_network(config: NetworkConfig) -> Network:
    """Returns the network in the form that plays."""
    return Network(config, SERVING_PRODUCTS[config.arithmetic])


def serving_shapes(config: NetworkConfig) -> chex.ArrayTree:
    """Returns shapes and types of the serving parameters, nothing is computed."""
    position = jax.ShapeDtypeStruct((1, POSITION_SIZE), jnp.int8)
    variables = jax.eval_shape(serving_network(config).init, jax.eval_shape(lambda: jax.random.key(0)), position)
    return variables["params"]


def save_network(
    folder: Path, config: NetworkConfig, params: chex.ArrayTree, card: str, facts: Mapping[str, object]
) -> None:
    """Writes a network's folder; an older one of that name is replaced only when the new one is whole.

    Args:
      folder: where to; its parent exists.
      config: of the network.
      params: serving parameters.
      card: text of CARD.md.
      facts: kept in network.json for programs, such as commit and figures.

    Raises:
      ValueError: the parameters are not those of the configuration.
    """
    import orbax.checkpoint as ocp

    try:
        chex.assert_trees_all_equal_shapes_and_dtypes(params, serving_shapes(config))
    except AssertionError as error:
        raise ValueError("expected the serving parameters of the network's configuration, got others") from error
    partial = folder.resolve().with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(partial / _PARAMS, params)
    # It holds an absolute path, and only storage that cannot rename folders needs it.
    (partial / _PARAMS / "commit_success.txt").unlink(missing_ok=True)
    settings = to_json_dict(config)
    manifest = {
        "format_version": FORMAT_VERSION,
        "sha256": _digest(partial / _PARAMS, settings),
        "config": settings,
        "facts": dict(facts),
    }
    (partial / _MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")
    (partial / _CARD).write_text(card)
    _replace_folder(partial, folder)


def _replace_folder(new: Path, folder: Path) -> None:
    """Puts a folder in the place of another one, which comes back should that fail."""
    retired = new.with_suffix(".retired")
    shutil.rmtree(retired, ignore_errors=True)
    if folder.exists():
        os.replace(folder, retired)
    try:
        os.replace(new, folder)
    except OSError:
        if retired.exists():
            os.rename(retired, folder)
        raise
    shutil.rmtree(retired, ignore_errors=True)


def is_network_folder(folder: Path) -> bool:
    """Returns whether a folder claims to hold a network."""
    return (folder / _MANIFEST).is_file()


def load_network(folder: Path) -> LoadedNetwork:
    """Reads a network's folder.

    Raises:
      CheckpointError: it is not a network that this version can play.
    """
    config, _, digest = read_network_facts(folder)
    return LoadedNetwork(serving_network(config), _read_params(folder), digest)


def read_network_facts(folder: Path) -> NetworkFacts:
    """Reads a network's folder but for its weights, of which only the checksum is computed.

    Raises:
      CheckpointError: it is not a network that this version can play.
    """
    manifest = _read_manifest(folder)
    config = _read_config(folder, manifest)
    digest = _digest(folder / _PARAMS, to_json_dict(config))
    if digest != manifest.get("sha256"):
        raise CheckpointError(
            f"expected a configuration and weights with sha256 {manifest.get('sha256')} in {folder}, got {digest}; "
            "the files are damaged or altered"
        )
    facts = manifest.get("facts")
    return NetworkFacts(config, facts if isinstance(facts, dict) else {}, digest)


def _read_manifest(folder: Path) -> Mapping[str, Any]:
    path = folder / _MANIFEST
    if not path.is_file():
        raise CheckpointError(f"expected a network's folder with {_MANIFEST}, got {folder}")
    try:
        manifest = json.loads(path.read_text())
    except ValueError as error:
        raise CheckpointError(f"expected JSON in {path}, got: {error}") from None
    version = manifest.get("format_version") if isinstance(manifest, dict) else None
    if version != FORMAT_VERSION:
        raise CheckpointError(f"expected format version {FORMAT_VERSION} in {path}, got {version!r}")
    return manifest


def _read_config(folder: Path, manifest: Mapping[str, Any]) -> NetworkConfig:
    try:
        return from_json_dict(NetworkConfig, manifest.get("config"))
    except (ConfigError, ValueError) as error:
        raise CheckpointError(f"expected a network's configuration in {folder / _MANIFEST}, got: {error}") from None


def _read_params(folder: Path) -> chex.ArrayTree:
    import orbax.checkpoint as ocp

    path = (folder / _PARAMS).resolve()
    # Without a place of ours, Orbax asks for the device that the weights were saved on.
    place = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
    try:
        with ocp.StandardCheckpointer() as checkpointer:
            # That they are the weights of the configuration was seen to when they were saved, and the checksum tells
            # whether either has changed since; to trace the network for its shapes would be a third of the loading.
            stored = checkpointer.metadata(path).item_metadata
            if stored is None:
                raise ValueError("no list of what is stored")
            target = jax.tree.map(
                lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=place), dict(stored)
            )
            return checkpointer.restore(path, target)
    except (ValueError, KeyError, OSError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise CheckpointError(f"expected the weights of a network in {path}, got: {reason}") from None


def _digest(folder: Path, settings: Mapping[str, Any]) -> str:
    """Returns the sha256 of settings and of all files below a folder, names and contents, in the order of names."""
    total = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        total.update(f"{path.relative_to(folder).as_posix()}\0{len(content)}\0".encode())
        total.update(content)
    return total.hexdigest()
