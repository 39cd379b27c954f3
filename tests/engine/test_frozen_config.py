"""Configs survive JSON unchanged, and every mistake gets one line that says how to mend it."""

import json
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.frozen_config import ConfigError, describe_settings, from_json_dict, to_json_dict, with_overrides


@dataclass(frozen=True, kw_only=True)
class SolverConfig:
    tolerance: float = 0.01
    memory: int = 5
    method: Literal["anderson", "broyden"] = "anderson"


@dataclass(frozen=True, kw_only=True)
class NetConfig:
    name: str = "tiny"
    gated: bool = True
    widths: tuple[int, ...] = (8, 16)
    span: tuple[int, float] = (1, 2.0)
    cap: int | None = None
    bits: Literal[8, 16] = 8
    solver: SolverConfig = SolverConfig()
    stages: tuple[SolverConfig, ...] = ()

    def __post_init__(self) -> None:
        if self.cap is not None and self.cap < len(self.widths):
            raise ValueError(f"expected cap >= number of widths, got {self.cap}")


FLOATS = st.floats(allow_nan=False, allow_infinity=False)
SOLVERS = st.builds(
    SolverConfig,
    tolerance=FLOATS,
    memory=st.integers(),
    method=st.sampled_from(["anderson", "broyden"]),
)
NETS = st.builds(
    NetConfig,
    name=st.text(),
    gated=st.booleans(),
    widths=st.lists(st.integers(), max_size=3).map(tuple),
    span=st.tuples(st.integers(), FLOATS),
    cap=st.none() | st.integers(min_value=3),
    bits=st.sampled_from([8, 16]),
    solver=SOLVERS,
    stages=st.lists(SOLVERS, max_size=2).map(tuple),
)


@given(NETS)
def test_json_round_trip(config: NetConfig) -> None:
    text = json.dumps(to_json_dict(config), allow_nan=False)
    assert from_json_dict(NetConfig, json.loads(text)) == config


def changed(**changes: Any) -> dict[str, Any]:
    return to_json_dict(NetConfig()) | changes


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            changed(solver={"tolerance": 0.1, "memory": 2, "method": "anderson", "tol": 1}),
            "expected a field of NetConfig.solver, got unknown 'tol' (allowed: tolerance, memory, method)",
        ),
        (
            changed(solver={"tolerance": 0.1, "method": "anderson"}),
            "expected an int for NetConfig.solver.memory, got no such key "
            "(all are required: tolerance, memory, method)",
        ),
        (
            changed(solver={"tolerance": 0.1, "memory": 2, "method": "newton"}),
            "expected one of 'anderson', 'broyden' for NetConfig.solver.method, got 'newton'",
        ),
        (
            changed(solver=3),
            "expected an object for NetConfig.solver, got 3 (allowed fields: tolerance, memory, method)",
        ),
        (changed(name=1), "expected a text for NetConfig.name, got 1"),
        (changed(gated=1), "expected true or false for NetConfig.gated, got 1"),
        (changed(cap=True), "expected an int for NetConfig.cap, got True"),
        (changed(bits=8.0), "expected one of 8, 16 for NetConfig.bits, got 8.0"),
        (changed(widths=8), "expected a list, each element an int for NetConfig.widths, got 8"),
        (changed(widths=[1, "2"]), "expected an int for NetConfig.widths[1], got '2'"),
        (
            changed(span=[1]),
            "expected a list of 2: an int, a finite float for NetConfig.span, got [1]",
        ),
        (changed(span=[1, float("nan")]), "expected a finite float for NetConfig.span[1], got nan"),
    ],
)
def test_bad_data_gives_one_clear_line(data: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        from_json_dict(NetConfig, data)
    assert str(caught.value) == message


def test_a_whole_number_may_stand_for_a_float() -> None:
    config = from_json_dict(NetConfig, changed(span=[1, 3]))
    assert config.span == (1, 3.0) and isinstance(config.span[1], float)


def test_overrides_of_every_kind() -> None:
    texts = [
        "name = a=b",
        "gated=False",
        "widths=1, 2,3",
        "span=4,5",
        "cap=9",
        "bits=16",
        "solver.tolerance=1e-3",
        "solver.method=broyden",
    ]
    assert with_overrides(NetConfig(), texts) == NetConfig(
        name="a=b",
        gated=False,
        widths=(1, 2, 3),
        span=(4, 5.0),
        cap=9,
        bits=16,
        solver=SolverConfig(tolerance=1e-3, method="broyden"),
    )


def test_overrides_of_absent_and_empty_values_and_the_last_one_wins() -> None:
    start = NetConfig(cap=4)
    assert with_overrides(start, ["cap=none", "widths="]) == replace(start, cap=None, widths=())
    assert with_overrides(start, ["cap=5", "cap=6"]).cap == 6


def test_overrides_are_validated_together() -> None:
    assert with_overrides(NetConfig(cap=2), ["widths=1,2,3", "cap=3"]).cap == 3
    with pytest.raises(ValueError, match="expected cap >= number of widths, got 2"):
        with_overrides(NetConfig(cap=2), ["widths=1,2,3"])


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (
            "solver.tol=1",
            "expected a field of NetConfig.solver, got unknown 'tol' (allowed: tolerance, memory, method)",
        ),
        (
            "gated",
            "expected an override field=value for NetConfig, got 'gated' (allowed fields: name, "
            "gated, widths, span, cap, bits, solver, stages)",
        ),
        (
            "solver=broyden",
            "expected a field of the group NetConfig.solver, got 'broyden' for the whole group "
            "(allowed: tolerance, memory, method)",
        ),
        ("name.x=1", "expected a text for NetConfig.name, got field 'x'"),
        ("solver.memory=2.5", "expected an int for NetConfig.solver.memory, got '2.5'"),
        ("solver.tolerance=inf", "expected a finite float for NetConfig.solver.tolerance, got inf"),
        ("gated=yes", "expected true or false for NetConfig.gated, got 'yes'"),
        ("bits=4", "expected one of 8, 16 for NetConfig.bits, got '4'"),
        ("cap=many", "expected an int for NetConfig.cap, got 'many'"),
        ("span=1", "expected a list of 2: an int, a finite float for NetConfig.span, got '1'"),
        ("stages=1", "expected an object SolverConfig for NetConfig.stages, got '1'"),
    ],
)
def test_a_bad_override_gives_one_clear_line(override: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        with_overrides(NetConfig(), [override])
    assert str(caught.value) == message


@dataclass(frozen=True, kw_only=True)
class Circle:
    kind: Literal["circle"] = "circle"
    radius: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Polygon:
    kind: Literal["polygon"] = "polygon"
    corners: int = 3


@dataclass(frozen=True, kw_only=True)
class Drawing:
    shape: Circle | Polygon = Circle()


def test_one_of_several_configs_is_told_by_its_kind() -> None:
    drawing = Drawing(shape=Polygon(corners=5))
    assert to_json_dict(drawing) == {"shape": {"kind": "polygon", "corners": 5}}
    assert from_json_dict(Drawing, to_json_dict(drawing)) == drawing
    assert from_json_dict(Drawing, to_json_dict(Drawing())) == Drawing()


def test_one_of_several_configs_is_chosen_and_changed_by_overrides() -> None:
    assert with_overrides(Drawing(), ["shape=polygon", "shape.corners=6"]) == Drawing(shape=Polygon(corners=6))
    assert with_overrides(Drawing(shape=Polygon(corners=5)), ["shape=polygon"]) == Drawing(shape=Polygon())
    assert with_overrides(Drawing(), ["shape.radius=2"]) == Drawing(shape=Circle(radius=2.0))


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"shape": {"kind": "line"}}, "expected Drawing.shape.kind to be one of circle, polygon, got 'line'"),
        ({"shape": 3}, "expected Drawing.shape.kind to be one of circle, polygon, got None"),
        ({"shape": {"kind": "circle", "corners": 3}}, "unknown 'corners'"),
        ({"shape": {"kind": "circle"}}, "a finite float for Drawing.shape.radius"),
        ({}, "an object whose kind is one of circle, polygon for Drawing.shape"),
    ],
)
def test_other_kinds_and_fields_of_other_kinds_are_refused(data: Any, text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        from_json_dict(Drawing, data)
    with pytest.raises(ConfigError, match="corners"):
        with_overrides(Drawing(), ["shape.corners=3"])


@dataclass(frozen=True, kw_only=True)
class Optional:
    solver: SolverConfig | None = None


def test_fields_of_a_config_that_may_be_absent_are_overridden_where_it_is_there() -> None:
    start = Optional(solver=SolverConfig())
    assert with_overrides(start, ["solver.memory=7"]) == Optional(solver=SolverConfig(memory=7))
    with pytest.raises(ConfigError, match=r"expected .* or none for Optional.solver, got field 'memory'"):
        with_overrides(Optional(), ["solver.memory=7"])


@dataclass(frozen=True, kw_only=True)
class Plan:
    folder: str
    drawing: Drawing = field(default_factory=Drawing)
    bits: Literal[8, 16] = 8
    sizes: tuple[int, ...] = (3, 4)
    is_fast: bool = True
    cap: int | None = None
    solver: SolverConfig = SolverConfig()


def test_the_settings_of_a_class_are_its_defaults_and_what_is_allowed() -> None:
    assert describe_settings(Plan) == [
        "folder=                   a text",
        "drawing.shape=circle      one of circle, polygon",
        "drawing.shape.radius=1.0  a finite float (where drawing.shape=circle)",
        "drawing.shape.corners=3   an int (where drawing.shape=polygon)",
        "bits=8                    one of 8, 16",
        "sizes=3,4                 a list, each element an int",
        "is_fast=true              true or false",
        "cap=none                  an int or none",
        "solver.tolerance=0.01     a finite float",
        "solver.memory=5           an int",
        "solver.method=anderson    one of 'anderson', 'broyden'",
    ]


def test_the_settings_of_a_config_are_its_values_and_can_be_given_back_as_overrides() -> None:
    plan = Plan(folder="x", drawing=Drawing(shape=Polygon(corners=7)), sizes=(), cap=2)
    lines = describe_settings(plan)
    assert "drawing.shape=polygon" in lines[1]
    of_other_kinds = "(where drawing.shape=circle)"
    overrides = [line.split()[0] for line in lines if not line.endswith(of_other_kinds)]
    assert with_overrides(Plan(folder="y"), overrides) == plan


def test_a_group_that_may_be_absent_is_described_by_its_fields_where_it_is_there() -> None:
    assert [line.split()[0] for line in describe_settings(Optional(solver=SolverConfig(memory=7)))] == [
        "solver.tolerance=0.01",
        "solver.memory=7",
        "solver.method=anderson",
    ]
    (line,) = describe_settings(Optional)
    assert line.startswith("solver=none  ")
