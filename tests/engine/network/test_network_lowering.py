"""What the compiled programs hold: no 64-bit number, no trace of capturing, and no more memory than a GPU has."""

import functools
import re
from typing import Any

import jax
import jax.numpy as jnp
import pytest

from engine.checkpoint import serving_network
from engine.encoding.position import POSITION_SIZE
from engine.network.network_presets import PRESETS
from tests.doubles.tiny_network import (
    Program,
    forward_program,
    gradient_program,
    loss_of,
    param_shapes,
    tiny_config,
    trained_variants,
    training_network,
)

WIDE_TENSORS = re.compile(r"tensor<(?:[^>]*x)?(?:f64|i64|ui64|si64|complex<f64>)>")
# Shapes of paddings are written as 64-bit attributes of an operation; they are no numbers of the program.
ATTRIBUTE = re.compile(r"\b\w+ = dense<[^>]*> : tensor<[\dx]+i64>")
WIDE_ARRAYS = re.compile(r"\b(?:f64|s64|u64|c128)\[")
GIGABYTE = 10**9


def assert_no_64_bit_number(program: Program) -> None:
    lowered, compiled = ATTRIBUTE.sub("", program.lowered.as_text()), program.compiled.as_text() or ""
    assert "stablehlo.while" in lowered and "while" in compiled
    assert WIDE_TENSORS.findall(lowered) == []
    assert WIDE_ARRAYS.findall(compiled) == []


@pytest.mark.parametrize("name", sorted(trained_variants()))
def test_no_training_step_holds_a_64_bit_number(name: str) -> None:
    assert_no_64_bit_number(gradient_program(training_network(trained_variants()[name]), 4))


def test_the_served_program_holds_no_64_bit_number() -> None:
    assert_no_64_bit_number(forward_program(serving_network(tiny_config(arithmetic="int8")), 8))


def test_the_search_for_64_bit_numbers_can_fail() -> None:
    with jax.enable_x64(True):
        lowered = jax.jit(lambda z: z * 2.0 + jnp.arange(3)).lower(jnp.ones(3))
    assert WIDE_TENSORS.search(ATTRIBUTE.sub("", lowered.as_text()))
    assert WIDE_ARRAYS.search(lowered.compile().as_text() or "")


def training_bytes(preset: str, batch: int) -> int:
    """Returns arguments, results and temporaries of a training step, compiled without allocating any of them."""
    network = training_network(PRESETS[preset])
    step = jax.jit(jax.value_and_grad(functools.partial(loss_of, network)))
    lowered = step.lower(param_shapes(network), jax.ShapeDtypeStruct((batch, POSITION_SIZE), jnp.int8))
    memory: Any = lowered.compile().memory_analysis()
    return int(memory.argument_size_in_bytes + memory.output_size_in_bytes + memory.temp_size_in_bytes)


def test_a_training_step_fits_an_8_gb_gpu() -> None:
    # The buffers are those of the program for CPUs. The rest of 8 GB is for what a GPU's program needs beside them, and
    # for the optimiser's three copies of the parameters (0.1 GB).
    assert 2 * GIGABYTE < training_bytes("rtx2070", 256) < 7 * GIGABYTE
