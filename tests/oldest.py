"""The oldest versions that setup.cfg allows, as constraints for pip: `python tests/oldest.py`."""

import re
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path

SETUP = Path(__file__).parents[1] / "setup.cfg"
OWN = re.compile(r"spacy-skd\[[\w,]+\]")  # an extra in an extra
BOUND = re.compile(r"(?P<name>[\w.-]+)(\[\w+\])?>=(?P<version>[\d.]+)(,<[\d.]+)?")


def requirements() -> Iterator[str]:
    """Of the package and of all its extras."""
    config = ConfigParser()
    config.read(SETUP, encoding="utf8")
    extras = config["options.extras_require"].values()
    for lines in (config["options"]["install_requires"], *extras):
        yield from (line for line in lines.split() if not OWN.fullmatch(line))


def constraints() -> Iterator[str]:
    """RAISES (ValueError): for a requirement without a lower bound."""
    for requirement in requirements():
        bound = BOUND.fullmatch(requirement)
        if bound is None:
            raise ValueError(f"setup.cfg: expected NAME>=VERSION, got {requirement!r}")
        yield f"{bound['name']}=={bound['version']}"


if __name__ == "__main__":
    print("\n".join(constraints()))  # noqa: T201  # a script
