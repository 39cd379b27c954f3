"""Draws bar charts with error bars as SVG: a group of bars for each core, a colour for each series."""

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from engine.view.line_chart import PALETTE

_LEFT, _RIGHT, _TOP, _BAR, _GAP = 118, 64, 30, 11, 8


@dataclass(frozen=True, kw_only=True)
class Bar:
    """Describes one bar.

    Attributes:
      group: name of its group.
      series: name of its series.
      value: its length, at least 0.
      error: half the length of its error bar, 0 for none.
    """

    group: str
    series: str
    value: float
    error: float = 0.0


def bar_chart(bars: Sequence[Bar], *, title: str, form: str = "{:.3g}", width: int = 480) -> str:
    """Returns a chart of horizontal bars as one SVG element.

    Args:
      bars: groups and series appear in order of first occurrence.
      title: above the bars.
      form: format of the value written behind a bar.
      width: in pixels.
    """
    groups = list(dict.fromkeys(bar.group for bar in bars))
    series = list(dict.fromkeys(bar.series for bar in bars))
    scale = (width - _LEFT - _RIGHT) / (max((bar.value + bar.error for bar in bars), default=0.0) or 1.0)
    parts = [_text(_LEFT, 16, title, weight="600", size=13)]
    y = float(_TOP)
    for group in groups:
        members = [bar for bar in bars if bar.group == group]
        parts.append(_text(_LEFT - 8, y + _BAR * len(members) / 2 + 4, group, anchor="end"))
        for bar in members:
            parts += _bar(bar, y, scale, PALETTE[series.index(bar.series) % len(PALETTE)], form)
            y += _BAR
        y += _GAP
    for place, name in enumerate(series):
        color = PALETTE[place % len(PALETTE)]
        parts.append(_text(_LEFT + 110 * place, y + 10, name, fill=color, weight="600"))
    height = round(y + 20)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    font = 'font-family="system-ui, DejaVu Sans, sans-serif" role="img"'
    ground = f'<rect width="{width}" height="{height}" fill="#ffffff"/>'
    return f"{head} {font}><title>{escape(title)}</title>{ground}{''.join(parts)}</svg>"


def chart_height(chart: str) -> int:
    """Returns the height in pixels of a chart made by `bar_chart`."""
    return int(chart.partition('height="')[2].partition('"')[0])


def _bar(bar: Bar, y: float, scale: float, color: str, form: str) -> list[str]:
    end, middle, error = _LEFT + bar.value * scale, y + _BAR / 2, bar.error * scale
    parts = [
        f'<rect x="{_LEFT}" y="{y + 1:.1f}" width="{max(end - _LEFT, 0.5):.1f}" height="{_BAR - 2}" fill="{color}"/>'
    ]
    if bar.error:
        parts.append(
            f'<line x1="{end - error:.1f}" y1="{middle:.1f}" x2="{end + error:.1f}" y2="{middle:.1f}"'
            ' stroke="#343a40"/>'
        )
    return [*parts, _text(end + error + 4, middle + 3, form.format(bar.value), size=9)]


def _text(
    x: float, y: float, text: str, *, anchor: str = "start", size: int = 11, fill: str = "#343a40", weight: str = "400"
) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" font-weight="{weight}" fill="{fill}"'
    return f"<text {place}>{escape(text)}</text>"
