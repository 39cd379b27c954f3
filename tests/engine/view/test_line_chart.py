"""Charts: every finite point is inside, labels do not overlap, and nothing breaks on odd data."""

import re
from xml.etree import ElementTree

import pytest

from engine.view.line_chart import Line, line_chart

SVG = "{http://www.w3.org/2000/svg}"


def drawn(lines: list[Line], *, is_log: bool = False, marked_x: float | None = None) -> ElementTree.Element:
    text = line_chart(lines, title="a < b & c", x_label="step", is_log=is_log, marked_x=marked_x)
    return ElementTree.fromstring(text)


def polylines(root: ElementTree.Element) -> list[list[tuple[float, float]]]:
    lines = root.findall(f"{SVG}polyline")
    return [[tuple(map(float, pair.split(","))) for pair in line.get("points", "").split()] for line in lines]  # type: ignore[misc]


def test_points_are_to_scale() -> None:
    (points,) = polylines(drawn([Line(label="x", points=((0, 1), (1, 2), (2, 3)))]))
    assert points[0][0] < points[1][0] < points[2][0]
    assert points[0][1] - points[1][1] == pytest.approx(points[1][1] - points[2][1], abs=0.11)
    assert all(0 < x < 480 and 0 < y < 260 for x, y in points)


def test_a_logarithmic_axis_makes_equal_ratios_equal() -> None:
    (points,) = polylines(drawn([Line(label="x", points=((0, 1), (1, 10), (2, 100), (3, 0), (4, -1)))], is_log=True))
    assert len(points) == 3
    assert points[0][1] - points[1][1] == pytest.approx(points[1][1] - points[2][1], abs=0.11)


@pytest.mark.parametrize("percent", [False, True])
def test_no_two_ticks_read_the_same(percent: bool) -> None:
    line = Line(label="", points=((0, 0.99801), (1, 0.99802), (2, 0.99804)))
    text = line_chart([line], title="t", x_label="step", percent=percent)
    ticks = [
        label.text
        for label in ElementTree.fromstring(text).findall(f"{SVG}text")
        if label.get("text-anchor") == "end" and label.text
    ]
    assert len(ticks) >= 3 and len(set(ticks)) == len(ticks)


def test_labels_of_equal_curves_are_moved_apart() -> None:
    root = drawn([Line(label=f"run {index}", points=((0, 1), (1, 2))) for index in range(5)])
    heights = sorted(float(text.get("y", "0")) for text in root.findall(f"{SVG}text") if "run" in (text.text or ""))
    assert len(heights) == 5
    assert all(after - before >= 12 for before, after in zip(heights, heights[1:], strict=False))
    assert heights[-1] < 260


@pytest.mark.parametrize("points", [(), ((5, 0.3),), ((0, 2), (1, 2)), ((0, -1e9), (1, 1e9)), ((3, 1e-12), (4, 2e-12))])
@pytest.mark.parametrize("is_log", [False, True])
def test_odd_data_give_a_chart_without_nan(points: tuple[tuple[float, float], ...], is_log: bool) -> None:
    errors = tuple(0.1 for _ in points)
    text = ElementTree.tostring(drawn([Line(label="x", points=points, errors=errors)], is_log=is_log)).decode()
    assert not re.search(r"\bnan\b|\binf\b", text)


def test_the_band_and_the_mark_are_drawn() -> None:
    root = drawn([Line(label="x", points=((0, 1), (1, 2)), errors=(0.1, 0.1))], marked_x=1)
    (band,) = root.findall(f"{SVG}polygon")
    heights = [float(pair.split(",")[1]) for pair in band.get("points", "").split()]
    assert 26 < min(heights) and max(heights) < 226  # inside the axes, not cut off at them
    assert any(line.get("stroke-dasharray") for line in root.findall(f"{SVG}line"))
