"""How `make docs` builds the site: Sphinx with MyST and Furo, without a network; warnings are errors."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
sys.path.insert(0, str(HERE.parent / "tools"))

from cpalab import __version__ as version  # noqa: E402  # the checkout beside this file, not an installed one

project = "cpalab"
author = "cpalab contributors"
release = version
extensions = ["myst_parser"]
html_theme = "furo"
html_title = f"cpalab {version}"
exclude_patterns = ["_build"]
myst_heading_anchors = 3
# Files of the repository that are no pages of the site: tests hold all links of the pages to existing files.
suppress_warnings = ["myst.xref_missing"]
highlight_language = "none"
nitpicky = False


def setup(app):
    """Write the Reference before the pages are read."""
    from pygments.lexers.special import TextLexer
    from reference import pages

    app.add_lexer("csv", TextLexer)

    folder = HERE / "reference"
    folder.mkdir(exist_ok=True)
    for name, text in pages().items():
        (folder / name).write_text(text, encoding="utf-8")
    return {"parallel_read_safe": True}
