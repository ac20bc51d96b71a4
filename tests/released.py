"""Check what `make release` built: `python tests/released.py dist`.

The version is the one that CHANGELOG.md has a section of; the wheel has all of the package and
nothing else; the sdist has what makes the wheel, tests and docs; the wheel runs in an environment
that has spaCy and no torch.
"""

import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from configparser import ConfigParser
from pathlib import Path

from bare import ROOT, bare_environment, install

NEEDED = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile", "project.yml",
          "setup.cfg", "pyproject.toml", "constraints.txt", "docs/architecture.md",
          "benchmarks/README.md", "configs/student.cfg", "demo/generate.py",
          "tests/conftest.py")  # fmt: skip
USES = """
import spacy
nlp = spacy.blank("en")
nlp.add_pipe("distilling_tagger").add_label("NN")
nlp.add_pipe("distilling_parser").add_label("ROOT")
nlp.initialize()
assert len(nlp("It runs .")) == 3
"""


def check_version(setup: str, changelog: str) -> str:
    """RETURNS (str): the version. RAISES (ValueError): if the newest section of the changelog is
    of another."""
    config = ConfigParser()
    config.read_string(setup)
    version = config["metadata"]["version"]
    newest = re.search(r"^## \[(.+?)\]", changelog, re.MULTILINE)
    if newest is None or newest[1] != version:
        found = "none" if newest is None else newest[1]
        raise ValueError(f"CHANGELOG.md: expected a section [{version}] first, found {found}")
    return version


def check_wheel(names: list[str], package: Path) -> None:
    """names: of the wheel's files. RAISES (ValueError): if one is missing or does not belong."""
    kept = (path for path in package.rglob("*") if path.is_file() and path.suffix != ".pyc")
    expected = {path.relative_to(package.parent).as_posix() for path in kept}
    found = {name for name in names if ".dist-info/" not in name}
    if found != expected:
        raise ValueError(
            f"the wheel lacks {sorted(expected - found)} and has besides {sorted(found - expected)}"
        )


def check_sdist(names: list[str]) -> None:
    """names: of the sdist's files. RAISES (ValueError): if one that is needed is missing."""
    found = {name.partition("/")[2] for name in names}
    missing = [name for name in NEEDED if name not in found]
    if missing:
        raise ValueError(f"the sdist lacks {missing}")


def check_runs(wheel: Path, folder: Path) -> None:
    """RAISES (subprocess.CalledProcessError): if it does not run where there is no torch."""
    python = bare_environment(folder / "bare")
    install(python, [wheel])
    subprocess.run([str(python), "-I", "-c", USES], check=True)
    command = [str(python), "-I", "-m", "spacy", "skd", "--help"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def main(dist: Path) -> None:
    read = {
        name: (ROOT / name).read_text(encoding="utf8") for name in ("setup.cfg", "CHANGELOG.md")
    }
    version = check_version(read["setup.cfg"], read["CHANGELOG.md"])
    (wheel,), (sdist,) = dist.glob("*.whl"), dist.glob("*.tar.gz")
    if f"-{version}" not in wheel.name or f"-{version}" not in sdist.name:
        raise ValueError(f"expected version {version}, found {wheel.name} and {sdist.name}")
    check_wheel(zipfile.ZipFile(wheel).namelist(), ROOT / "spacy_skd")
    with tarfile.open(sdist) as file:
        check_sdist(file.getnames())
    with tempfile.TemporaryDirectory() as folder:
        check_runs(wheel, Path(folder))
    print(f"{wheel.name} and {sdist.name} are ready")  # noqa: T201  # a script


if __name__ == "__main__":
    main(Path(sys.argv[1]))
