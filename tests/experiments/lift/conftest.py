"""Reference vectors of lift tests."""

import json
from pathlib import Path
from typing import Any

import pytest

REFERENCE = Path(__file__).parents[2] / "reference" / "lift"


@pytest.fixture
def reference():
    def load(name: str) -> dict[str, Any]:
        return json.loads((REFERENCE / name).read_text())

    return load
