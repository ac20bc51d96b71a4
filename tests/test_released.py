"""What `make release` checks, where it must refuse."""

import pytest
from bare import ROOT
from released import NEEDED, check_sdist, check_version, check_wheel

SETUP = "[metadata]\nname = spacy-skd\nversion = 1.2.3\n"


def test_the_version_is_that_of_the_changelog():
    assert check_version(SETUP, "# Changelog\n\n## [1.2.3] - unreleased\n\n## [1.2.2]\n") == "1.2.3"
    with pytest.raises(ValueError, match="section .1.2.3. first, found 1.2.2"):
        check_version(SETUP, "## [1.2.2]\n## [1.2.3]\n")
    with pytest.raises(ValueError, match="found none"):
        check_version(SETUP, "# Changelog\n")


def test_that_of_the_project():
    read = [(ROOT / name).read_text(encoding="utf8") for name in ("setup.cfg", "CHANGELOG.md")]
    assert check_version(*read)


def test_the_wheel_has_the_package_and_nothing_else(tmp_path):
    package = tmp_path / "spacy_skd"
    package.mkdir()
    for name in ("__init__.py", "py.typed"):
        (package / name).touch()
    names = ["spacy_skd/__init__.py", "spacy_skd/py.typed", "spacy_skd-1.dist-info/METADATA"]
    check_wheel(names, package)
    with pytest.raises(ValueError, match="lacks .'spacy_skd/py.typed'. and has besides .."):
        check_wheel(names[:1], package)
    with pytest.raises(ValueError, match="lacks .. and has besides .'tests/conftest.py'."):
        check_wheel([*names, "tests/conftest.py"], package)


def test_the_sdist_has_what_is_needed():
    names = [f"spacy_skd-1.2.3/{name}" for name in NEEDED]
    check_sdist(names)
    with pytest.raises(ValueError, match="lacks .'LICENSE'"):
        check_sdist([name for name in names if "LICENSE" not in name])


def test_what_is_needed_is_there():
    assert all((ROOT / name).is_file() for name in NEEDED)
