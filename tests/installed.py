"""Pipelines of an index, each in a folder of its own: nothing is installed beside what tests."""

import subprocess
import sys
from pathlib import Path


def installed(package: str, folder: Path) -> Path:
    """Return the folder of a package's pipeline."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder)]
    subprocess.run([*pip, package], check=True)
    (config,) = folder.glob("*/*/config.cfg")
    return config.parent
