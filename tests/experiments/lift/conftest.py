"""Reference vectors of lift tests, and the band a simulated share must lie in."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

REFERENCE = Path(__file__).parents[2] / "reference" / "lift"


@pytest.fixture
def reference():
    def load(name: str) -> dict[str, Any]:
        return json.loads((REFERENCE / name).read_text())

    return load


@pytest.fixture
def binomial_band():
    """3.3 standard errors of a share p over R replications: one check in a thousand fails by luck."""

    def band(share: float, replications: int) -> float:
        return 3.3 * math.sqrt(share * (1 - share) / replications)

    return band
