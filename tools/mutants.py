"""Mutants: one-line mistakes put into a copy of the code, each of which its test must catch (exit status 1 where one is not).

`tools/mutants.toml` lists them: the file, the line as it is, the line as it must not be, the test. The copy is compiled anew,
so tests of the simulated market take longer; `python tools/mutants.py WORD` tries those whose file or test holds the word.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main(word: str = "") -> int:
    """Try every mutant; how many were not caught."""
    listed = tomllib.loads((ROOT / "tools" / "mutants.toml").read_text(encoding="utf-8"))["mutant"]
    survived = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        for name in ("cpalab", "simulator", "attribution", "experiments", "data", "tests", "pyproject.toml"):
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, copy / name)
        for mutant in listed:
            if word not in mutant["file"] + mutant["test"]:
                continue
            file = copy / mutant["file"]
            original = file.read_text(encoding="utf-8")
            if original.count(mutant["is"]) != 1:
                told = f"stands there {original.count(mutant['is'])} times; mend tools/mutants.toml"
                survived += 1
            else:
                file.write_text(original.replace(mutant["is"], mutant["becomes"]), encoding="utf-8")
                caught = not passes(copy, mutant["test"])
                file.write_text(original, encoding="utf-8")
                told = "caught" if caught else f"SURVIVED {mutant['test']}"
                survived += not caught
            sys.stdout.write(f"{mutant['file']}: {mutant['becomes'].strip()}: {told}\n")
    return survived


def passes(copy: Path, test: str) -> bool:
    """Whether a test passes on the copy."""
    environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-m", "not study", *test.split()]
    done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        sys.exit(f"{test}: could not be run\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(min(main(*sys.argv[1:2]), 1))
