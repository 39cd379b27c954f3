"""The table and what is concluded from it, on invented results; the document keeps everything else."""

from pathlib import Path
from typing import Any

import pytest

from training.studies.cores.bar_chart import Bar, bar_chart, chart_height
from training.studies.cores.comparison_report import (
    FIGURES,
    conclusions,
    means_over_seeds,
    plot_sheet,
    replace_between,
    table,
)


def result(regime: str, core: str, seed: int, regret: float) -> dict[str, Any]:
    figures = {name: 1.0 for name in FIGURES} | {"puzzles": None, "parameters": 372_951 + seed}
    return {"regime": regime, "core": core, "seed": seed, **figures, "regret": regret}


RESULTS = [
    *(result("time", "deq", seed, regret) for seed, regret in enumerate((0.050, 0.051, 0.052))),
    *(result("time", "flat", seed, regret) for seed, regret in enumerate((0.040, 0.041, 0.042))),
    *(result("time", "asura", seed, regret) for seed, regret in enumerate((0.0405, 0.0415, 0.0425))),
    *(result("flops", "flat", seed, regret) for seed, regret in enumerate((0.060, 0.061))),
]


def test_means_are_over_seeds_in_the_units_of_the_table() -> None:
    means = means_over_seeds(RESULTS)
    regret = means["time", "deq"]["regret"]
    assert (regret.mean, regret.n) == (pytest.approx(0.051), 3)
    assert regret.standard_error == pytest.approx(0.001 / 3**0.5)
    assert means["time", "deq"]["parameters"].mean == pytest.approx(372.952)
    assert "puzzles" not in means["time", "deq"]


def test_the_table_has_a_row_for_each_core_the_best_first() -> None:
    head, _, *rows = table(means_over_seeds(RESULTS)).splitlines()
    assert head.startswith("| equal | core | regret") and head.count("|") == rows[0].count("|")
    cores = [tuple(cell.strip() for cell in row.split("|")[1:3]) for row in rows]
    assert cores == [("time", "flat"), ("time", "asura"), ("time", "deq"), ("flops", "deq"), ("flops", "flat")]
    # The reference is made equal to nothing: its runs at equal time are what the others are equal to.
    assert rows[3].split("|")[3:] == rows[2].split("|")[3:] and "0.0510" in rows[3]
    assert "| 373 |" in rows[0]  # an error that rounds to nothing is not shown
    assert "0.0410 ± 0.0006" in rows[0] and "–" in rows[0] and rows[0].endswith("| 3 |")


def test_conclusions_follow_from_the_numbers() -> None:
    time, flops = conclusions(means_over_seeds(RESULTS)).splitlines()
    assert time == (
        "* Equal time: flat has the least regret, not distinguishable from asura at two standard errors. "
        "Flat wins: here recursion does not help."
    )
    assert flops == "* Equal flops: deq has the least regret. Flat is 0.0095 ± 0.0008 behind."
    single = means_over_seeds([result("time", "deq", 0, 0.05), result("time", "flat", 0, 0.06)])
    assert "0.0100, from single seeds behind, which may be chance" in conclusions(single)


def test_plots_show_every_figure_and_core() -> None:
    sheet = plot_sheet(means_over_seeds(RESULTS))
    assert sheet.startswith("<svg ") and sheet.endswith("</svg>\n")
    for text in ("regret (less is better)", "memory of a training step, MiB", "asura", "equal flops"):
        assert text in sheet
    assert "puzzles" not in sheet


def test_bars_are_as_long_as_their_values() -> None:
    chart = bar_chart(
        [Bar(group="a", series="s", value=2.0), Bar(group="b", series="s", value=1.0, error=0.5)], title="T"
    )
    widths = [float(part.split('"')[0]) for part in chart.split('width="')[1:]]
    assert widths[2] == pytest.approx(2 * widths[3], rel=1e-3)
    assert chart_height(chart) > 40 and chart.count("<line ") == 1


def test_a_document_is_changed_between_its_marks_only(tmp_path: Path) -> None:
    document = tmp_path / "d.md"
    document.write_text("before\n<!-- x -->\nold\n<!-- end of x -->\nafter\n")
    replace_between(document, "x", "new")
    replace_between(document, "x", "newer")
    assert document.read_text() == "before\n<!-- x -->\nnewer\n<!-- end of x -->\nafter\n"
    with pytest.raises(ValueError, match="marks"):
        replace_between(document, "y", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["d.md"]
