"""Settings of runs that an older version wrote are read as today's."""

import json
from pathlib import Path

import pytest

from engine.frozen_config import to_json_dict
from engine.network.cores.core_configs import DeqConfig
from engine.solver_config import SolverConfig, UnrolledGradient
from tests.doubles.small_run import small_config
from training.distillation.distillation_config import RunConfig
from training.runs.run_folder import read_settings


def test_a_run_whose_network_had_solver_and_gradient_beside_its_core(tmp_path: Path) -> None:
    settings = to_json_dict(small_config())
    solver, kept = to_json_dict(SolverConfig(max_steps=5)), {"schedule": "binomial", "places": 3}
    gradient = {"mode": "unroll", "steps": 7, "damping": 0.5, "backward": solver, "kept": kept}
    settings["network"] |= {"core": {"kind": "deq"}, "solver": solver, "gradient": gradient}
    (tmp_path / "config.json").write_text(json.dumps(settings))
    core = read_settings(tmp_path, RunConfig).network.core
    assert isinstance(core, DeqConfig) and core.solver == SolverConfig(max_steps=5)
    assert isinstance(core.gradient, UnrolledGradient) and to_json_dict(core.gradient.kept) == kept
    assert (core.gradient.steps, core.gradient.damping) == (7, 0.5)
    settings["network"]["gradient"]["mode"] = "adjoint"
    (tmp_path / "config.json").write_text(json.dumps(settings))
    with pytest.raises(ValueError, match="^expected the settings of a run in .*got: [^\\n]*$"):
        read_settings(tmp_path, RunConfig)
