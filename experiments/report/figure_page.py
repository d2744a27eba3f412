"""A page of figures: per section a sentence, a chart and a table, as one HTML text without scripts and network."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from experiments.report.figure_files import svg_of
from experiments.report.palette import DARK, LIGHT, css_variables

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Section", "render_figures"]

TEMPLATE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{{ title }}</title>
<style>
:root { {{ light }} }
@media (prefers-color-scheme: dark) { :root { {{ dark }} } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem }
body { color: var(--ink); background: var(--paper) }
figure { margin: 1rem 0; padding: 1rem; background: #fff; overflow-x: auto }
.wide { overflow-x: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 0.875rem }
th, td { padding: 0.25rem 0.75rem 0.25rem 0; border-bottom: 1px solid var(--line); text-align: right }
th:first-child, td:first-child { text-align: left }
</style>
</head>
<body>
<main>
<h1>{{ title }}</h1>
{% for line in introduction %}<p>{{ line }}</p>
{% endfor %}
{% for section in sections %}
<section>
<h2>{{ section.heading }}</h2>
<p>{{ section.sentence }}</p>
{% if section.svg %}<figure role="img" aria-label="{{ section.sentence }}">{{ section.svg }}</figure>{% endif %}
<div class="wide"><table>
<thead><tr>{% for name in section.columns %}<th scope="col">{{ name }}</th>{% endfor %}</tr></thead>
<tbody>
{% for row in section.rows %}<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>
{% endfor %}</tbody></table></div>
</section>
{% endfor %}
</main>
</body>
</html>
"""


@dataclass(frozen=True)
class Section:
    """A part of the page.

    Attributes:
        heading: its title.
        sentence: what the chart and the table say, in words.
        chart: an Altair chart; None without.
        table: shown as it is, numbers with three digits.
    """

    heading: str
    sentence: str
    chart: Any
    table: "pd.DataFrame"


def render_figures(title: str, introduction: Sequence[str], sections: Sequence[Section]) -> str:
    """The page; the same sections give the same text.

    Args:
        title: of the page.
        introduction: paragraphs before the sections.
        sections: in their order.
    """
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    shown = [
        {
            "heading": section.heading,
            "sentence": section.sentence,
            "svg": "" if section.chart is None else Markup(svg_of(section.chart)),
            "columns": [str(name).replace("_", " ") for name in section.table.columns],
            "rows": [[_cell(value) for value in row] for row in section.table.itertuples(index=False)],
        }
        for section in sections
    ]
    template = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True).from_string(TEMPLATE)
    light, dark = (Markup(css_variables(palette)) for palette in (LIGHT, DARK))
    return template.render(title=title, introduction=introduction, sections=shown, light=light, dark=dark)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return "–" if math.isnan(value) else f"{value:.3g}"
    return str(value)
