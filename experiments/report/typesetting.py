"""Typesetting: a template, its style and its scripts as one HTML text that loads nothing; every text is escaped."""

import json
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from importlib.resources import files
from typing import Any

from experiments.report.palette import DARK, LIGHT, css_variables


def pour(template: str, *, style: str = "", scripts: Sequence[str] = (), **content: Any) -> str:
    """The page; the same content gives the same text.

    Args:
        template: name of its file in `templates`.
        style: CSS, beside the colours of the light and the dark page.
        scripts: in their order; the page's policy admits these and no other.
        content: what the template asks for.
    """
    from jinja2 import Environment, FunctionLoader, StrictUndefined
    from markupsafe import Markup

    inside = [_inside_script(script) for script in scripts]
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, loader=FunctionLoader(text_of)
    )
    return environment.get_template(template).render(
        **content,
        script_hashes=Markup(" ".join(map(hash_source, inside))),
        style=Markup(style),
        light=Markup(css_variables(LIGHT)),
        dark=Markup(css_variables(DARK)),
        scripts=[Markup(script) for script in inside],
    )


def text_of(name: str) -> str:
    """The text of a file in `templates`: a template, a style, a script."""
    return files("experiments.report").joinpath("templates", name).read_text(encoding="utf-8")


def hash_source(script: str) -> str:
    """What a content security policy calls this script and no other."""
    return f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'"


def data_inside_script(value: Any) -> str:
    """JSON that cannot end the script element it stands in."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def _inside_script(code: str) -> str:
    """Code that cannot end the script element it stands in."""
    return code.replace("</script", "<\\/script").replace("<!--", "<\\!--")
