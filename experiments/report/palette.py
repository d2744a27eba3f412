"""Palettes: the colours of the report's charts.

Claims are orange and truth is blue, which no common colour blindness confuses (Okabe & Ito 2008, Color Universal
Design); form and position repeat what colour says.
"""

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Palette:
    """CSS colours by what they stand for."""

    ink: str
    muted: str
    line: str
    paper: str
    claimed: str
    true: str
    tested: str
    always: str
    moved: str
    organic: str


LIGHT = Palette(
    ink="#1b1f24",
    muted="#57606a",
    line="#d8dee4",
    paper="#ffffff",
    claimed="#b34a00",
    true="#0067a8",
    tested="#a9cfe8",
    always="#b8c0c8",
    moved="#e3a92b",
    organic="#57606a",
)

DARK = Palette(
    ink="#e8ebee",
    muted="#a2abb5",
    line="#343b44",
    paper="#14171b",
    claimed="#ff9a57",
    true="#62b5f0",
    tested="#24506e",
    always="#5b6570",
    moved="#8a6510",
    organic="#a2abb5",
)


def css_variables(palette: Palette) -> str:
    """The palette as declarations of CSS variables."""
    return " ".join(f"--{field.name}: {getattr(palette, field.name)};" for field in fields(palette))


# The charts of the page name variables, not colours, so light, dark and print are a matter of style alone.
PAGE = Palette(*(f"var(--{field.name})" for field in fields(Palette)))
