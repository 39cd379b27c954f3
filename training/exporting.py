"""From a run's averaged weights to a network's folder, with its card."""

import dataclasses
import json
import os
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path

import jax

from engine.checkpoint import save_network, serving_shapes
from engine.frozen_config import with_overrides
from engine.network.int8 import convert
from training.run_config import RunConfig
from training.run_folder import averaged_params

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
| commit | {commit} |
| hardware | {hardware} |

Licence: GPL-3.0-or-later, as the program.
"""


def export_run(run: Path, out: Path, overrides: Sequence[str], note: str) -> int:
    """Writes the averaged weights of a run's newest checkpoint as a network's folder.

    Args:
      run: folder of the run.
      out: folder of the network.
      overrides: `field=value` for the network's settings, such as its arithmetic.
      note: text for the card.

    Returns:
      Bytes written.

    Raises:
      ValueError: the run has no checkpoint, or an override is not valid.
    """
    run_config, params = averaged_params(run)
    config = with_overrides(run_config.network, overrides)
    served = convert(params, serving_shapes(config))
    facts = _facts(run, run_config, sum(leaf.size for leaf in jax.tree.leaves(params)))
    card = _CARD.format(name=out.name, note=note or "No note.", arithmetic=config.arithmetic, **facts)
    save_network(out, config, served, card, facts)
    return sum(path.stat().st_size for path in out.rglob("*") if path.is_file())


def _facts(run: Path, config: RunConfig, parameters: int) -> dict[str, object]:
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    regrets = [line for line in lines if "validation/regret" in line]
    last = regrets[-1] if regrets else None
    settings = {"optimizer": dataclasses.asdict(config.optimizer), "seed": config.seed, "mirror": config.mirror}
    sources = [f"{'/'.join(Path(source.folder).parts[-2:])} x {source.weight:g}" for source in config.sources]
    return {
        "parameters": parameters,
        "data": ", ".join(sources),
        "steps": lines[-1]["step"],
        "batch": config.batch_size,
        "regret": f"{last['validation/regret']} ± {last['validation/regret_error']}" if last else "not measured",
        "run": json.dumps(settings),
        "commit": _commit(),
        "hardware": f"{platform.machine()}, {os.cpu_count()} processors, {jax.default_backend()}",
    }


def _commit() -> str:
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--exclude", "*"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return result.stdout.strip() or "unknown"
