"""Draws line charts as SVG text; enough for the curves of a recursion and of a training run."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

# Okabe and Ito's palette: distinct for every kind of colour vision.
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#555555")
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 26, 34
_LABEL_WIDTH, _LABEL_HEIGHT = 7.6, 13  # of a bold character; of a line of text


@dataclass(frozen=True, kw_only=True)
class Line:
    """Describes one curve.

    Attributes:
      label: shown in the legend.
      points: (x, y), finite, x ascending.
      errors: half-height of a band around each point, or none.
      dashed: whether it is drawn dashed.
    """

    label: str
    points: tuple[tuple[float, float], ...]
    errors: tuple[float, ...] = ()
    dashed: bool = False


@dataclass(frozen=True, kw_only=True)
class _Scale:
    low: float
    high: float
    start: float  # pixel of low
    end: float  # pixel of high
    is_log: bool = False

    def __call__(self, value: float) -> float:
        low, high, at = (math.log10(v) if self.is_log else v for v in (self.low, self.high, value))
        return self.start + (at - low) / (high - low) * (self.end - self.start)


def line_chart(
    lines: Sequence[Line],
    *,
    title: str,
    x_label: str,
    width: int = 480,
    height: int = 260,
    is_log: bool = False,
    percent: bool = False,
    marked_x: float | None = None,
) -> str:
    """Returns a chart as one SVG element, without the XML declaration.

    Args:
      lines: distinguishable as long as there are no more than colours in the palette.
      title: above the chart.
      x_label: below the axis.
      width: in pixels.
      height: in pixels.
      is_log: logarithmic y axis; points that are not positive are left out.
      percent: y values are shares, shown as percentages.
      marked_x: an x to mark with a vertical line.
    """
    kept = [_positive(line) if is_log else line for line in lines]
    points = [point for line in kept for point in line.points]
    parts = [_text(_LEFT, 16, title, size=13, weight="600")]
    if not points:
        parts.append(_text(width / 2, height / 2, "no figures yet", anchor="middle", fill="#868e96"))
        return _document(parts, title, width, height)
    xs = _range([x for x, _ in points], is_log=False)
    heights = [y for _, y in points]
    if not is_log:  # room for the bands, whose lower edges have no logarithm if they are not positive
        banded = [(y, error) for line in kept for (_, y), error in zip(line.points, line.errors, strict=False)]
        heights += [y + side * error for y, error in banded for side in (-1, 1)]
    ys = _padded(*_range(heights, is_log), is_log)
    widest = max(len(line.label) for line in kept)
    x_scale = _Scale(low=xs[0], high=xs[1], start=_LEFT, end=width - _RIGHT - _LABEL_WIDTH * widest)
    y_scale = _Scale(low=ys[0], high=ys[1], start=height - _BOTTOM, end=_TOP, is_log=is_log)
    parts += _axes(x_scale, y_scale, x_label, percent)
    if marked_x is not None:
        at = x_scale(marked_x)
        mark = f'<line x1="{at:.1f}" y1="{_TOP}" x2="{at:.1f}" y2="{y_scale.start:.1f}"'
        parts.append(mark + ' stroke="#7048e8" stroke-dasharray="3 3"/>')
    for index, line in enumerate(kept):
        parts += _curve(line, PALETTE[index % len(PALETTE)], x_scale, y_scale)
    return _document(parts + _labels(kept, x_scale.end + 5, y_scale), title, width, height)


def _labels(lines: Sequence[Line], x: float, y_scale: _Scale) -> list[str]:
    """Returns the labels beside the ends of their curves, moved apart where they would overlap."""
    ends = sorted((y_scale(line.points[-1][1]), index) for index, line in enumerate(lines) if line.points)
    places: list[float] = []
    for wanted, _ in ends:
        places.append(max(wanted, places[-1] + _LABEL_HEIGHT) if places else wanted)
    # Labels pushed below the axis move up again and push the others.
    lowest = y_scale.start
    for place in range(len(places) - 1, -1, -1):
        places[place] = min(places[place], lowest)
        lowest = places[place] - _LABEL_HEIGHT
    return [
        _text(x, y + 4, lines[index].label, fill=PALETTE[index % len(PALETTE)], weight="600")
        for y, (_, index) in zip(places, ends, strict=True)
    ]


def _curve(line: Line, color: str, x_scale: _Scale, y_scale: _Scale) -> list[str]:
    if not line.points:
        return []
    parts = []
    if line.errors:
        bounded = [(x, y, e) for (x, y), e in zip(line.points, line.errors, strict=True)]
        upper = [(x, min(y + e, y_scale.high)) for x, y, e in bounded]
        lower = [(x, max(y - e, y_scale.low)) for x, y, e in reversed(bounded)]
        parts.append(f'<polygon points="{_path(upper + lower, x_scale, y_scale)}" fill="{color}" opacity="0.15"/>')
    dash = ' stroke-dasharray="4 3"' if line.dashed else ""
    path = _path(line.points, x_scale, y_scale)
    parts.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="1.8"{dash}/>')
    if len(line.points) <= 32:
        parts += [
            f'<circle cx="{x_scale(x):.1f}" cy="{y_scale(y):.1f}" r="2.4" fill="{color}"/>' for x, y in line.points
        ]
    return parts


def _axes(x_scale: _Scale, y_scale: _Scale, x_label: str, percent: bool) -> list[str]:
    parts = []
    ticks = _ticks(y_scale.low, y_scale.high, y_scale.is_log)
    for tick, text in zip(ticks, _tick_texts(ticks, 4, percent), strict=True):
        y = y_scale(tick)
        rule = f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{x_scale.end:.1f}" y2="{y:.1f}" stroke="#e9ecef"/>'
        parts += [rule, _text(_LEFT - 6, y + 4, text, anchor="end")]
    ticks = _ticks(x_scale.low, x_scale.high, False)
    for tick, text in zip(ticks, _tick_texts(ticks, 6), strict=True):
        parts.append(_text(x_scale(tick), y_scale.start + 15, text, anchor="middle"))
    parts.append(_text((x_scale.start + x_scale.end) / 2, y_scale.start + 29, x_label, anchor="middle", fill="#868e96"))
    return parts


def _ticks(low: float, high: float, is_log: bool) -> list[float]:
    """Returns three to seven round numbers within the range."""
    if is_log:
        first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
        if last > first:
            return [10.0**power for power in range(first, last + 1, max(1, (last - first) // 5))]
    raw = (high - low) / 4
    power = 10.0 ** math.floor(math.log10(raw))
    step = min((factor * power for factor in (1, 2, 5, 10)), key=lambda candidate: abs(candidate - raw))
    return [step * count for count in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def _tick_texts(ticks: Sequence[float], digits: int, percent: bool = False) -> list[str]:
    """Returns the ticks as text, with more digits than the given ones where two would read the same."""
    values, texts = [100 * tick if percent else tick for tick in ticks], [""]
    for enough in range(digits, 17):
        texts = [f"{value:,.{enough}g}" + ("%" if percent else "") for value in values]
        if len(set(texts)) == len(texts):
            break
    return texts


def _range(values: Sequence[float], is_log: bool) -> tuple[float, float]:
    low, high = min(values), max(values)
    if low == high:
        return (low / 2, high * 2) if is_log else (low - 0.5, high + 0.5)
    return low, high


def _padded(low: float, high: float, is_log: bool) -> tuple[float, float]:
    """Returns a range with room for the width of a line above and below."""
    if is_log:
        factor = (high / low) ** 0.04
        return low / factor, high * factor
    return low - 0.04 * (high - low), high + 0.04 * (high - low)


def _positive(line: Line) -> Line:
    kept = [index for index, (_, y) in enumerate(line.points) if y > 0]
    errors = tuple(line.errors[index] for index in kept) if line.errors else ()
    return Line(label=line.label, points=tuple(line.points[index] for index in kept), errors=errors, dashed=line.dashed)


def _path(points: Sequence[tuple[float, float]], x_scale: Callable[..., float], y_scale: Callable[..., float]) -> str:
    return " ".join(f"{x_scale(x):.1f},{y_scale(y):.1f}" for x, y in points)


def _text(
    x: float, y: float, text: str, *, anchor: str = "start", size: int = 11, fill: str = "#343a40", weight: str = "400"
) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" font-weight="{weight}" fill="{fill}"'
    return f"<text {place}>{escape(text)}</text>"


def _document(parts: Sequence[str], title: str, width: int, height: int) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    font = 'font-family="system-ui, DejaVu Sans, sans-serif" role="img"'
    return f"{head} {font}><title>{escape(title)}</title>{''.join(parts)}</svg>"
