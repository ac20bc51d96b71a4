"""Running the scripts of benchmarks/ in this process."""

import contextlib
import io
import runpy
import sys
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "benchmarks"


def run(monkeypatch, name, *arguments):
    """Run a script in this process, and return its exit code and what it prints."""
    monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
    printed = io.StringIO()
    code = None
    with contextlib.redirect_stdout(printed):
        try:
            runpy.run_path(str(FOLDER / name), run_name="__main__")
        except SystemExit as end:
            code = end.code
    return code or 0, printed.getvalue()
