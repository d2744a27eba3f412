"""Run every benchmark of this folder (`*_speed.py`), one after the other."""

import importlib
from pathlib import Path

if __name__ == "__main__":
    for path in sorted(Path(__file__).parent.glob("*_speed.py")):
        importlib.import_module(f"benchmarks.{path.stem}").main()
