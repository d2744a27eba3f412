"""Figure files: an Altair chart as SVG, PNG or PDF, complete in one file and without network."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, get_args

from cpalab.refusal import InvalidInputError, Problem, did_you_mean

__all__ = ["FigureKind", "figure_kinds", "svg_of", "write_figure"]

FigureKind = Literal["svg", "png", "pdf"]
PIXELS_PER_POINT = 2.0


def figure_kinds(text: str) -> tuple[FigureKind, ...]:
    """The kinds in `svg,png,pdf`, each once.

    Raises:
        InvalidInputError: some are unknown.
    """
    words = [word.strip().casefold() for word in text.split(",") if word.strip()]
    kinds = get_args(FigureKind)
    problems = [
        Problem("--as", "is unknown", repr(word), did_you_mean(word, kinds)) for word in words if word not in kinds
    ]
    problems += [] if words else [Problem("--as", "names no kind of file", repr(text), "svg, png or pdf")]
    if problems:
        raise InvalidInputError(problems)
    return tuple(kind for kind in kinds if kind in words)


def write_figure(chart: Any, folder: Path, name: str, kinds: Sequence[FigureKind] = ("svg",)) -> tuple[Path, ...]:
    """The files of a chart.

    Args:
        chart: an Altair chart.
        folder: where they go; exists.
        name: without ending.
        kinds: of files.
    """
    import vl_convert

    text = chart.to_json()
    paths = []
    for kind in kinds:
        path = folder / f"{name}.{kind}"
        if kind == "svg":
            path.write_text(svg_of(chart), encoding="utf-8")
        elif kind == "png":
            path.write_bytes(vl_convert.vegalite_to_png(text, scale=PIXELS_PER_POINT))
        else:
            path.write_bytes(vl_convert.vegalite_to_pdf(text))
        paths.append(path)
    return tuple(paths)


def svg_of(chart: Any) -> str:
    """An Altair chart as the text of an SVG."""
    import vl_convert

    text: str = vl_convert.vegalite_to_svg(chart.to_json())
    return text
