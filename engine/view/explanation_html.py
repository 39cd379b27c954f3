"""An explanation as one HTML file that works anywhere: a picture of every state, a slider, and the data."""

import base64
import dataclasses
import json
from html import escape

import chess

from engine.view.capture import Trace
from engine.view.explanation import whole_explanation
from engine.view.explanation_svg import explanation_svg
from engine.view.look import Look

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>RecurseZero: {fen}</title>
<style>
body {{ font: 15px/1.45 system-ui, "DejaVu Sans", sans-serif; margin: 0 auto; max-width: 1000px; padding: 10px; }}
label, p {{ display: flex; gap: 10px; align-items: center; }}
input {{ flex: 1; }}
img {{ width: 100%; height: auto; }}
</style>
<label>State of the recursion <input id="state" type="range" min="0" max="{last}" value="{state}">
<output id="number">{state}</output></label>
{pictures}
<p><a id="data" download="recursezero.json">the data as JSON</a></p>
<script type="application/json" id="explanation">{data}</script>
<script>
const slider = document.getElementById("state");
slider.addEventListener("input", () => {{
  document.getElementById("number").textContent = slider.value;
  document.querySelectorAll("img").forEach((image, state) => {{ image.hidden = state !== Number(slider.value); }});
}});
document.getElementById("data").href =
  URL.createObjectURL(new Blob([document.getElementById("explanation").textContent], {{ type: "application/json" }}));
</script>
</html>
"""


def explanation_html(board: chess.Board, trace: Trace, look: Look) -> str:
    """Returns the file's text, about a megabyte.

    Raises:
      LookError: the trace has no such state, block or head.
    """
    shown = look.completed(trace).state
    pictures = []
    for state in range(len(trace.residual)):
        svg = explanation_svg(board, trace, dataclasses.replace(look, state=state))
        source = f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"
        hidden = "" if state == shown else " hidden"
        pictures.append(f'<img alt="state {state} of the recursion" src="{source}"{hidden}>')
    # Inside a script element only `</` could end it.
    data = json.dumps(whole_explanation(board, trace)).replace("</", "<\\/")
    return _PAGE.format(
        fen=escape(board.fen()), last=len(pictures) - 1, state=shown, pictures="\n".join(pictures), data=data
    )
