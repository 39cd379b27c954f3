"""The figures of a run that are shown, their order, and their format."""

import dataclasses
import time
from collections.abc import Callable

from training.reporting.run_metrics import RunMetrics


@dataclasses.dataclass(frozen=True, kw_only=True)
class Figure:
    """A figure and its format.

    Attributes:
      name: in metrics.jsonl.
      title: for people.
      error: name of its standard error, if it has one.
      percent: whether it is a share.
      is_log: whether its axis is logarithmic.
    """

    name: str
    title: str
    error: str | None = None
    percent: bool = False
    is_log: bool = False

    def text(self, value: float | None) -> str:
        """Writes a value."""
        if value is None:
            return "–"
        return f"{100 * value:.1f}%" if self.percent else f"{value:.4g}"


FIGURES = (
    Figure(name="policy_loss", title="policy loss"),
    Figure(name="wdl_loss", title="win/draw/loss loss"),
    Figure(name="score_loss", title="expected-score loss"),
    Figure(name="loss", title="loss"),
    Figure(name="top1", title="top-1 agreement with the teacher, batch", percent=True),
    Figure(name="validation/top1", title="top-1 agreement with the teacher, held out", percent=True),
    Figure(name="validation/regret", title="regret, held out", error="validation/regret_error"),
    *(
        Figure(name=f"against_{name}/score", title=f"score against {name}", error=f"against_{name}/error", percent=True)
        for name in ("random", "tactical", "perfect", "exchange")
    ),
    Figure(name="self/elo", title="Elo by games against older copies of itself", error="self/elo_error"),
    Figure(name="self/score", title="score against an older copy of itself", percent=True),
    Figure(name="decisive_share", title="games won by either side", percent=True),
    Figure(name="truncated_share", title="games truncated", percent=True),
    Figure(name="game_plies", title="plies of a game"),
    Figure(name="entropy", title="policy entropy, nats"),
    Figure(name="cmpo_loss", title="KL from the CMPO policy"),
    Figure(name="cmpo_variation", title="variation of the CMPO policy from the prior"),
    Figure(name="cmpo_clipped_share", title="advantages on the clip", percent=True),
    Figure(name="ratio", title="importance ratio"),
    Figure(name="ratio_clipped_share", title="importance ratios above 1", percent=True),
    Figure(name="advantage_scale", title="scale of advantages"),
    Figure(name="q_correlation", title="model's action values, correlation with the rules'"),
    Figure(name="value_explained", title="values, correlation with returns"),
    Figure(name="calibration_error", title="calibration error of values"),
    Figure(name="solver_steps", title="solver steps"),
    Figure(name="residual", title="residual", is_log=True),
    Figure(name="gradient_norm", title="gradient norm", is_log=True),
    Figure(name="learning_rate_factor", title="learning rate, share of the peak"),
    Figure(name="positions_per_s", title="positions a second"),
    Figure(name="games_per_s", title="games a second"),
)
ELO_TITLE = "Elo by the ladder"


def shown_figures(runs: list[RunMetrics]) -> list[Figure]:
    """Returns the figures that at least one run has."""
    return [figure for figure in FIGURES if any(run.series.get(figure.name) for run in runs)]


def progress_text(run: RunMetrics, now_s: Callable[[], float] = time.time) -> str:
    """Returns step, time left and how old the newest line is."""
    parts = [f"step {run.step:,}"]
    left = run.latest("minutes_left")
    if left is not None:
        parts.append("done" if left <= 0 else f"{duration_text(60 * left)} left")
    if run.last_time_s is not None:
        parts.append(f"{duration_text(max(now_s() - run.last_time_s, 0.0))} ago")
    return ", ".join(parts)


def duration_text(seconds: float) -> str:
    """Writes a duration in its two largest units."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def elo_text(run: RunMetrics) -> str:
    """Returns the newest rating with its 95 % interval."""
    points = run.elo_points()
    if not points:
        return "–"
    low, high = (("?" if bound is None else f"{bound:.0f}") for bound in points[-1][2:])
    return f"{points[-1].elo:.0f} ({low} to {high})"
