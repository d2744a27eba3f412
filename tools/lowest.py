"""Constraints for pip: exactly the lowest version of everything that pyproject.toml needs or offers to users."""

import re
import sys
import tomllib
from pathlib import Path

project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
offered = project["optional-dependencies"]
for requirement in [*project["dependencies"], *offered["excel"], *offered["observational"]]:
    found = re.fullmatch(r"([\w-]+)>=([\d.]+)", requirement)
    if found is None:
        sys.exit(f"{requirement}: has no lowest version; write NAME>=VERSION")
    sys.stdout.write(f"{found[1]}=={found[2]}\n")
