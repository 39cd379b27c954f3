"""Writes an explanation as one HTML file that works anywhere: pictures of every state, a slider, and the data."""

import base64
import dataclasses
import json
from html import escape

import chess

from engine.view.capture import Trace
from engine.view.explanation import whole_explanation
from engine.view.explanation_svg import Panel, explanation_panels
from engine.view.look import Look

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>RecurseZero: {fen}</title>
<style>
body {{ font: 16px/1.45 system-ui, "DejaVu Sans", sans-serif; margin: 0 auto; max-width: 1000px; padding: 10px; }}
label {{ display: flex; gap: 10px; align-items: center; position: sticky; top: 0; background: #fff; padding: 6px 0; }}
p {{ overflow-wrap: anywhere; }}
input {{ flex: 1; min-width: 0; }}
section {{ display: flex; flex-wrap: wrap; gap: 12px; align-items: flex-start; }}
section[hidden] {{ display: none; }}
img {{ flex: 1 1 300px; min-width: 0; max-width: 100%; height: auto; }}
img.wide {{ flex-basis: 440px; }}
div {{ display: flex; flex: 1 1 440px; flex-direction: column; gap: 12px; min-width: 0; }}
@media (max-width: 480px) {{ section, div {{ display: block; }} img {{ width: 100%; margin-bottom: 12px; }} }}
</style>
<p>{fen}</p>
<label>State of the recursion <input id="state" type="range" min="0" max="{last}" value="{state}">
<output id="number">{state}</output></label>
{pictures}
<p><a id="data" download="recursezero.json">the data as JSON</a></p>
<script type="application/json" id="explanation">{data}</script>
<script>
const slider = document.getElementById("state");
slider.addEventListener("input", () => {{
  document.getElementById("number").textContent = slider.value;
  document.querySelectorAll("section").forEach((shown, state) => {{ shown.hidden = state !== Number(slider.value); }});
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
        drawn, verdict, heads, *curves = explanation_panels(board, trace, dataclasses.replace(look, state=state))
        side = f"<div>{_image(verdict, 'verdict and policy')}{_image(heads, 'attention by head')}</div>"
        below = "".join(_image(curve, "curve over the states") for curve in curves)
        hidden = "" if state == shown else " hidden"
        pictures.append(f"<section{hidden}>{_image(drawn, f'board at state {state}', 'wide')}{side}{below}</section>")
    # Inside a script element only `</` could end it.
    data = json.dumps(whole_explanation(board, trace)).replace("</", "<\\/")
    return _PAGE.format(
        fen=escape(board.fen()), last=len(pictures) - 1, state=shown, pictures="\n".join(pictures), data=data
    )


def _image(panel: Panel, text: str, kind: str = "") -> str:
    source = f"data:image/svg+xml;base64,{base64.b64encode(panel.document().encode()).decode()}"
    return f'<img class="{kind}" alt="{text}" src="{source}">'
