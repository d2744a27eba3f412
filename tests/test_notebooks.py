"""Notebooks run in Jupyter, show what is stored in them, and nothing that they show asks for the network.

`CPALAB_REFRESH=1 python -m pytest tests/test_notebooks.py` stores what they show now.
"""

import json
import os
import re
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
NOTEBOOKS = sorted(EXAMPLES.glob("*.ipynb"))
ASKING = re.compile(r"""(?:src|href)=["']?(?:https?:)?//|@import|<script""")


def shown(cells: list[dict]) -> list[list[dict[str, str]]]:
    """Per cell of code, what a reader sees: text and pictures by their kind, without what differs between machines."""
    found = []
    for cell in cells:
        if cell["cell_type"] != "code":
            continue
        outputs = []
        for output in cell["outputs"]:
            data = output.get("data", {"stream": output.get("text", "")})
            outputs.append({kind: "".join(text) for kind, text in data.items() if kind != "text/plain"})
        found.append(outputs)
    return found


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda notebook: notebook.stem)
def test_a_notebook_shows_what_is_stored_in_it(notebook, monkeypatch):
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
    pytest.importorskip("ipykernel", reason="ipykernel is not installed")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(EXAMPLES.parent), os.environ.get("PYTHONPATH", "")]))
    ran = nbformat.read(notebook, as_version=4)
    nbclient.NotebookClient(ran, timeout=None, kernel_name="python3", record_timing=False).execute()
    if os.environ.get("CPALAB_REFRESH") == "1":
        nbformat.write(ran, notebook)
    now, stored = shown(ran.cells), shown(json.loads(notebook.read_text(encoding="utf-8"))["cells"])
    pictures = [output["image/svg+xml"] for cell in now for output in cell if "image/svg+xml" in output]
    bars = [output["text/html"] for cell in now for output in cell if "<progress" in output.get("text/html", "")]
    assert len(pictures) == 2
    assert all(bar.startswith('<progress value="1.000"') for bar in bars)
    assert len(bars) == 2
    for cell, before in zip(now, stored, strict=True):
        for output, told in zip(cell, before, strict=True):
            assert output.keys() == told.keys()
            assert not any(ASKING.search(text) for text in output.values())
            assert {kind: text for kind, text in output.items() if kind != "image/svg+xml"} == {
                kind: text for kind, text in told.items() if kind != "image/svg+xml"
            }


def test_a_chart_shows_itself_without_altair_s_script_whatever_its_renderer():
    import pandas as pd

    from cpalab import chart
    from experiments.bench.sensitivity import Sensitivity

    found = Sensitivity("the gap", pd.DataFrame({"parameter": ["a"], "index": [0.5], "lower": [0.4], "upper": [0.6]}))
    shown_as = chart(found, width=300)._repr_mimebundle_()
    assert set(shown_as) == {"image/svg+xml", "text/plain"}
    assert not ASKING.search(shown_as["image/svg+xml"])
