"""Exports the network of a run, of distillation or of self-play, as a folder that plays, with its card."""

import dataclasses
import json
import os
import platform
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import chex
import jax
import optax

from engine.checkpoint import is_network_folder, read_network_facts, save_network, serving_shapes
from engine.frozen_config import with_overrides
from engine.network.int8 import convert
from engine.network.network_config import NetworkConfig
from training.distillation.trained_network import TrainedNetwork, averaged_run, network_weights
from training.runs.run_folder import setting_names

_CARD = """# {name}

{note}

| what | value |
| --- | --- |
| parameters | {parameters:,} |
| arithmetic | {arithmetic} |
| trained on | {data} |
| steps x batch | {steps} x {batch} |
| held-out regret in training | {regret} |
| run settings | `{run}` |
| exported at commit | {commit} |
| exported on | {hardware} |

Licence: GPL-3.0-or-later, as the program.
"""


class Mix(NamedTuple):
    """Other weights that a run's are averaged with, such as those it began at (Wortsman et al. 2022, WiSE-FT)."""

    folder: Path  # of a run or of a network
    share: float  # of its weights, from 0 to 1


STAGES = 3


def export_run(
    run: Path,
    out: Path,
    overrides: Sequence[str],
    note: str,
    mix: Mix | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> int:
    """Writes the averaged weights of a run's newest checkpoint as a network's folder.

    Args:
      run: folder of the run; one of self-play has a latent model, which is written too.
      out: folder of the network.
      overrides: `field=value` for the network's settings, such as its arithmetic.
      note: text for the card.
      mix: other weights to average the run's with, of a network of the same shape.
      tell: called after each of the STAGES with its name.

    Returns:
      Bytes written.

    Raises:
      ValueError: the run has no checkpoint, an override is not valid, or the other weights do not fit.
    """
    trained = _trained(run)
    if mix is not None:
        trained = _mixed(trained, mix)
    tell("read")
    config = with_overrides(trained.config, overrides)
    _check_shapes(config, trained.params)
    served = convert(trained.params, serving_shapes(config))
    tell("converted")
    facts = _facts(run, trained, " before averaging" if mix else "")
    card = _CARD.format(name=out.name, note=note or "No note.", arithmetic=config.arithmetic, **facts)
    save_network(out, config, served, card, facts, trained.model)
    tell("written")
    return sum(path.stat().st_size for path in out.rglob("*") if path.is_file())


def _mixed(trained: TrainedNetwork, mix: Mix) -> TrainedNetwork:
    if not 0 <= mix.share <= 1:
        raise ValueError(f"expected a share of the other weights from 0 to 1, got {mix.share}")
    other = network_weights(mix.folder)
    if not _have_same_shapes(other, trained.params):
        raise ValueError(f"expected weights of the run's shape to average with, got others in {mix.folder}")
    params = optax.incremental_update(other, trained.params, mix.share)
    data = f"{trained.facts['data']}; weights averaged with {mix.share:g} of {_origin(mix.folder)}"
    return trained._replace(params=params, facts={**trained.facts, "data": data})


def _origin(folder: Path) -> str:
    """Names the origin of the weights in a folder, whose own name would mean nothing on the card."""
    if is_network_folder(folder):
        return f"network {read_network_facts(folder).sha256[:8]}"
    run = averaged_run(folder)
    return f"a run of {run.step} steps x {run.facts['batch']} on {run.facts['data']}"


def _check_shapes(config: NetworkConfig, params: chex.ArrayTree) -> None:
    # The kernels of a served float32 network have the form of all networks in training.
    expected = serving_shapes(dataclasses.replace(config, arithmetic="float32"))
    if not _have_same_shapes(expected, params):
        raise ValueError("expected overrides that keep the network's shape, got other shapes than the run's weights")


def _have_same_shapes(one: chex.ArrayTree, other: chex.ArrayTree) -> bool:
    shapes = [jax.tree.map(lambda leaf: leaf.shape, tree) for tree in (one, other)]
    return bool(shapes[0] == shapes[1])


def _trained(run: Path) -> TrainedNetwork:
    settings = setting_names(run)
    for setting, read in _RUN_KINDS.items():
        if setting in settings:
            return read(run)
    raise ValueError(f"expected a run with one of the settings {', '.join(_RUN_KINDS)}, got none in {run}")


def _self_play(run: Path) -> TrainedNetwork:
    from training.self_play.playing_part import trained_by_self_play  # needs Pgx, which distillation does not

    return trained_by_self_play(run)


# Each kind by a setting that no other kind has.
_RUN_KINDS: dict[str, Callable[[Path], TrainedNetwork]] = {"sources": averaged_run, "game": _self_play}


def _facts(run: Path, trained: TrainedNetwork, when: str) -> dict[str, object]:
    last = _last_regret(run / "metrics.jsonl", trained.step)
    regret = f"{last['validation/regret']} ± {last['validation/regret_error']}{when}" if last else "not measured"
    return {
        "parameters": sum(leaf.size for leaf in jax.tree.leaves(trained.params)),
        **trained.facts,
        "steps": trained.step,
        "regret": regret,
        "commit": _commit(),
        "hardware": f"{platform.machine()}, {os.cpu_count()} processors, {jax.default_backend()}",
    }


def _last_regret(metrics: Path, step: int) -> dict[str, float] | None:
    """Returns the newest held-out figures that are no newer than the weights."""
    try:
        lines = [json.loads(line) for line in metrics.read_text(encoding="utf-8").splitlines()]
    except ValueError as error:
        raise ValueError(f"expected one JSON object a line in {metrics}, got: {error}") from None
    regrets = [line for line in lines if "validation/regret" in line and line["step"] <= step]
    return regrets[-1] if regrets else None


def _commit() -> str:
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--exclude", "*"]
    result = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", check=False)
    return result.stdout.strip() or "unknown"
