"""Reads and writes a network's folder: settings, weights, checksum.

    network.json   format version, configuration, sha256 of it and the weights, facts about their making
    params/        Orbax checkpoint of the serving parameters
    model/         of the latent model, float32, where there is one; its settings are in network.json
    CARD.md        for people

A folder that is missing, cut short, altered or newer than this code is refused with one line. Orbax is
imported only to write, Flax only where a network is made: a start with kept programs does neither.
"""

import errno
import functools
import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp

from engine.encoding.position import POSITION_SIZE
from engine.files.new_folder import new_folder
from engine.frozen_config import ConfigError, ConfigT, from_json_dict, to_json_dict
from engine.network.network_config import NetworkConfig, upgraded_settings

if TYPE_CHECKING:
    import chex

    from engine.network.latent_model.policy_improvement import ModelConfig, PlayingModel
    from engine.network.model import Network

# 2: features of what pieces threaten; 3: the checksum covers the configuration; 4: solver and gradient are the core's;
# 5: an equilibrium may have an exit
FORMAT_VERSION = 5
_READABLE_VERSIONS = (3, 4, FORMAT_VERSION)
_BYTES_BESIDE_ARRAYS = 1 << 18
_MANIFEST, _PARAMS, _MODEL, _CARD = "network.json", "params", "model", "CARD.md"


class CheckpointError(ValueError):
    """Reports a folder that does not hold a network that can be used; the text is one line."""


class LoadedNetwork(NamedTuple):
    """Holds a network ready to play."""

    network: "Network"
    params: "chex.ArrayTree"
    sha256: str  # of configuration and weights
    model: "PlayingModel | None" = None  # by which the policy can be improved


class NetworkFacts(NamedTuple):
    """Holds what a network's folder says about itself."""

    config: NetworkConfig
    facts: Mapping[str, object]  # about its making
    sha256: str  # of configuration and weights, compared with the files
    model: "ModelConfig | None" = None  # of the latent model, if there is one


def serving_network(config: NetworkConfig) -> "Network":
    """Returns the network in the form that plays."""
    from engine.network.int8 import SERVING_PRODUCTS
    from engine.network.model import Network

    return Network(config, SERVING_PRODUCTS[config.arithmetic])


@functools.cache
def serving_shapes(config: NetworkConfig) -> "chex.ArrayTree":
    """Returns shapes and types of the serving parameters; nothing is computed, but tracing takes a second."""
    position = jax.ShapeDtypeStruct((1, POSITION_SIZE), jnp.int8)
    variables = jax.eval_shape(serving_network(config).init, jax.eval_shape(lambda: jax.random.key(0)), position)
    return variables["params"]


@functools.cache
def model_shapes(model: "ModelConfig", config: NetworkConfig) -> "chex.ArrayTree":
    """Returns shapes and types of a latent model's parameters beside a network; nothing is computed."""
    from engine.network.latent_model.policy_improvement import latent_model

    squares, cell = jax.ShapeDtypeStruct((1, 64, config.width), jnp.float32), jax.ShapeDtypeStruct((1,), jnp.int32)
    init = latent_model(model, config.value_bins).init
    return jax.eval_shape(init, jax.eval_shape(lambda: jax.random.key(0)), squares, cell)["params"]


def save_network(
    folder: Path,
    config: NetworkConfig,
    params: "chex.ArrayTree",
    card: str,
    facts: Mapping[str, object],
    model: "PlayingModel | None" = None,
) -> None:
    """Writes a network's folder; an older one of that name is replaced only when the new one is whole.

    Args:
      folder: to be written; folders above it are made.
      config: of the network.
      params: serving parameters.
      card: text of CARD.md.
      facts: kept in network.json for programs, such as commit and figures.
      model: trained beside the network, if there is one.

    Raises:
      CheckpointError: something else has that name.
      ValueError: the parameters are not those of the configuration.
    """
    is_free = not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))
    if not (is_free or is_network_folder(folder)):
        raise CheckpointError(f"expected a new folder, an empty one or a network's to write to, got {folder}")
    _check(params, serving_shapes(config), "serving parameters of the network's configuration")
    if model is not None:
        _check(model.params, model_shapes(model.config, config), "parameters of the latent model's configuration")
    with new_folder(folder) as partial:
        _write_params(partial / _PARAMS, params)
        if model is not None:
            _write_params(partial / _MODEL, model.params)
        manifest: dict[str, object] = {
            "format_version": FORMAT_VERSION,
            "sha256": "",  # below, from the rest
            "config": to_json_dict(config),
            "facts": dict(facts),
        }
        if model is not None:
            manifest["model"] = to_json_dict(model.config)
        manifest["sha256"] = _digest(partial, manifest)
        (partial / _MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
        (partial / _CARD).write_text(card, encoding="utf-8")


def _check(params: "chex.ArrayTree", shapes: "chex.ArrayTree", name: str) -> None:
    import chex

    try:
        chex.assert_trees_all_equal_shapes_and_dtypes(params, shapes)
    except AssertionError as error:
        raise ValueError(f"expected the {name}, got others") from error


def _write_params(folder: Path, params: "chex.ArrayTree") -> None:
    import orbax.checkpoint as ocp

    size = sum(leaf.nbytes for leaf in jax.tree.leaves(params)) + _BYTES_BESIDE_ARRAYS
    if shutil.disk_usage(folder.parent).free < size:  # Orbax would say so in hundreds of lines
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(folder, params)
    # It holds an absolute path, and only storage that cannot rename folders needs it.
    (folder / "commit_success.txt").unlink(missing_ok=True)


def is_network_folder(folder: Path) -> bool:
    """Returns whether a folder claims to hold a network."""
    return (folder / _MANIFEST).is_file()


def load_network(folder: Path) -> LoadedNetwork:
    """Reads a network's folder.

    Raises:
      CheckpointError: it is not a network that this version can play.
    """
    config, _, digest, model_config = read_network_facts(folder)
    model = None
    if model_config is not None:
        from engine.network.latent_model.policy_improvement import PlayingModel

        model = PlayingModel(model_config, _read_params(folder / _MODEL))
    return LoadedNetwork(serving_network(config), _read_params(folder / _PARAMS), digest, model)


def read_network_facts(folder: Path) -> NetworkFacts:
    """Reads a network's folder without its weights, of which only the checksum is computed.

    Raises:
      CheckpointError: it is not a network that this version can play.
    """
    manifest = _read_manifest(folder)
    config = _read_config(folder, NetworkConfig, upgraded_settings(manifest.get("config")), "a network's")
    model = None
    if "model" in manifest:
        from engine.network.latent_model.policy_improvement import ModelConfig

        model = _read_config(folder, ModelConfig, manifest["model"], "a latent model's")
    digest = _digest(folder, manifest)
    if digest != manifest.get("sha256"):
        raise CheckpointError(
            f"expected a configuration and weights with sha256 {manifest.get('sha256')} in {folder}, got {digest}; "
            "the files are damaged or altered"
        )
    facts = manifest.get("facts")
    return NetworkFacts(config, facts if isinstance(facts, dict) else {}, digest, model)


def _read_manifest(folder: Path) -> Mapping[str, Any]:
    path = folder / _MANIFEST
    if not path.is_file():
        raise CheckpointError(f"expected a network's folder with {_MANIFEST}, got {folder}")
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CheckpointError(f"expected JSON in {path}, got: {error}") from None
    version = manifest.get("format_version") if isinstance(manifest, dict) else None
    if version not in _READABLE_VERSIONS:
        known = f"{', '.join(map(str, _READABLE_VERSIONS[:-1]))} or {FORMAT_VERSION}"
        raise CheckpointError(f"expected format version {known} in {path}, got {version!r}; export the network anew")
    return manifest


def _read_config(folder: Path, cls: type[ConfigT], settings: Any, whose: str) -> ConfigT:
    try:
        return from_json_dict(cls, settings)
    except (ConfigError, ValueError) as error:
        raise CheckpointError(f"expected {whose} configuration in {folder / _MANIFEST}, got: {error}") from None


def _read_params(folder: Path) -> "chex.ArrayTree":
    from engine.stored_arrays import StoredArraysError, read_arrays

    # Saving checked that they fit the configuration, and the checksum tells whether either has changed since; tracing
    # the network for its shapes would be a third of the loading.
    try:
        arrays = read_arrays(folder)
    except (StoredArraysError, OSError) as error:
        raise CheckpointError(f"expected the weights of a network in {folder}, got: {error}") from None
    return jax.device_put(arrays, jax.local_devices()[0])


def _digest(folder: Path, manifest: Mapping[str, Any]) -> str:
    """Returns the sha256 of the settings as stored and of all weight files, names and contents, in order of names."""
    total = hashlib.sha256()
    for part, key in ((_PARAMS, "config"), (_MODEL, "model")):
        if key not in manifest:
            continue
        total.update(json.dumps(manifest[key], sort_keys=True).encode())
        for path in sorted(path for path in (folder / part).rglob("*") if path.is_file()):
            content = path.read_bytes()
            total.update(f"{path.relative_to(folder / part).as_posix()}\0{len(content)}\0".encode())
            total.update(content)
    return total.hexdigest()
