"""An environment that has spaCy and no torch, made without an index."""

import shutil
import subprocess
import sys
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]


def needed_by(name: str, needed: dict[str, metadata.Distribution]) -> None:
    """The installed distributions that one needs, without its extras."""
    if name in needed:
        return
    needed[name] = metadata.distribution(name)
    for line in needed[name].requires or ():
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            needed_by(requirement.name.lower(), needed)


def bare_environment(folder: Path) -> Path:
    """RETURNS (Path): the interpreter of an environment with spaCy and what it needs."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (site,) = folder.glob("lib/python*/site-packages")
    needed: dict[str, metadata.Distribution] = {}
    needed_by("spacy", needed)
    for distribution in needed.values():
        tops: set[str] = {file.parts[0] for file in distribution.files or ()}
        for top in tops - {"..", "__pycache__"}:
            if not (site / top).exists():
                (site / top).symlink_to(Path(str(distribution.locate_file(top))))
    return folder / "bin" / "python"


def wheel_of_the_package(wheels: Path) -> None:
    """This package's own. wheels (Path): the folder that it is written to."""
    source = wheels.with_name("source")
    shutil.copytree(ROOT / "spacy_skd", source / "spacy_skd")
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, source)
    build = ["wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", str(wheels)]
    subprocess.run([*PIP, *build, str(source)], check=True)


def install(python: Path, wheels: Iterable[Path]) -> None:
    command = [*PIP, "--python", str(python), "install", "--no-index", *map(str, wheels)]
    subprocess.run(command, check=True)
