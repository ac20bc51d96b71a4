"""`make test-oldest` tests what setup.cfg promises: each of its lower bounds."""

import subprocess
import sys
from pathlib import Path

from oldest import SETUP, requirements
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[1]
RUNTIME = {"spacy", "thinc", "numpy", "typer", "torch", "spacy-transformers"}


def test_the_versions_under_test_are_the_lower_bounds():
    script = [sys.executable, str(ROOT / "tests" / "oldest.py")]
    printed = subprocess.run(script, capture_output=True, text=True, check=True).stdout
    tested = dict(line.split("==") for line in printed.splitlines())
    bounds = {r.name: r.specifier for r in map(Requirement, requirements())}
    assert set(tested) == set(bounds) >= RUNTIME
    for name, specifier in bounds.items():
        (lower,) = (s.version for s in specifier if s.operator == ">=")
        assert Version(tested[name]) == Version(lower)
    text = SETUP.read_text(encoding="utf8")
    assert text.count(">=") == len(bounds) + 1, "python_requires, and what the script read"


def test_make_installs_them():
    lines = (ROOT / "Makefile").read_text(encoding="utf8").splitlines()
    (install,) = (line for line in lines if "$(OLDEST)/bin/python -m pip install" in line)
    assert "-c $(OLDEST)/constraints.txt" in install
    assert any("tests/oldest.py > $(OLDEST)/constraints.txt" in line for line in lines)
