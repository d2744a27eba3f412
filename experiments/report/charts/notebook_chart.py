"""A chart that a notebook shows as an SVG, so that no script is asked for from the network."""

from typing import Any

import altair as alt

from experiments.report.figure_files import svg_of
from experiments.report.palette import LIGHT

WIDTH = 640  # pixels, of a chart that would fill its place on a page


class NotebookChart(alt.LayerChart):
    """A layered chart as altair has it; only how a notebook shows it differs, whatever renderer altair is set to."""

    def _repr_mimebundle_(self, *_: Any, **__: Any) -> dict[str, str]:
        width = self.to_dict()["width"]
        shown = self.properties(width=WIDTH if width == "container" else width, background=LIGHT.paper)
        return {"image/svg+xml": svg_of(shown), "text/plain": "a chart"}
