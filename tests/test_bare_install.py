"""The wheels of the package and of a student, in an environment that has spaCy and no torch."""

import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Dict, Set

import pytest
from packaging.requirements import Requirement

from spacy_skd.cli.package import package

pytestmark = pytest.mark.corpus
ROOT = Path(__file__).parents[1]
ABSENT = ("torch", "transformers", "spacy_transformers", "spacy_curated_transformers")
USE = """
import importlib.util
import spacy

def annotate(nlp, **settings):
    texts = ["The cat sees Ann. Dogs sleep!", "", "Go!"] * 20
    docs = nlp.pipe(texts, **settings)
    return [[(t.text, t.tag_, t.pos_, t.dep_, t.head.i, t.is_sent_start) for t in d] for d in docs]

if __name__ == "__main__":
    assert not any(map(importlib.util.find_spec, %r))
    nlp = spacy.load("en_tiny")
    found = annotate(nlp)
    assert found[0][0][3] and annotate(nlp, n_process=2) == found
    again = spacy.util.load_model_from_config(nlp.config).from_bytes(nlp.to_bytes())
    assert annotate(again) == found
    nlp.get_pipe("parser").save_activations = True
    assert len(nlp("Go !")._.activations["parser"]["confidences"]) == 2
    from spacy_skd.training.layered import TEMPLATES
    assert {path.name for path in TEMPLATES.iterdir()} == {"rehead.cfg", "stock.cfg", "teacher.cfg"}
    print(importlib.util.find_spec("spacy_skd").origin)
""" % (ABSENT,)


def needed_by(name: str, found: Dict[str, metadata.Distribution]) -> None:
    """The installed distributions that one needs, without its extras."""
    if name in found:
        return
    found[name] = metadata.distribution(name)
    for line in found[name].requires or ():
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            needed_by(requirement.name.lower(), found)


def bare_environment(folder: Path) -> Path:
    """RETURNS (Path): the interpreter of an environment with spaCy and what it needs."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (site,) = folder.glob("lib/python*/site-packages")
    found: Dict[str, metadata.Distribution] = {}
    needed_by("spacy", found)
    for distribution in found.values():
        tops: Set[str] = {file.parts[0] for file in distribution.files or ()}
        for top in tops - {"..", "__pycache__"}:
            if not (site / top).exists():
                (site / top).symlink_to(Path(str(distribution.locate_file(top))))
    return folder / "bin" / "python"


def test_the_wheels_need_spacy_alone(teacher, tmp_path):
    source, wheels = tmp_path / "source", tmp_path / "wheels"
    shutil.copytree(ROOT / "spacy_skd", source / "spacy_skd")
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, source)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    build = ["wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", str(wheels)]
    subprocess.run([*pip, *build, str(source)], check=True)
    package(teacher, wheels, name="tiny", version="0.1.0")
    python = bare_environment(tmp_path / "bare")
    install = ["--python", str(python), "install", "--no-index", *map(str, wheels.glob("*.whl"))]
    subprocess.run([*pip, *install], check=True)
    (tmp_path / "use.py").write_text(USE)
    run = [str(python), "-I", str(tmp_path / "use.py")]
    used = subprocess.run(run, capture_output=True, text=True)
    assert used.returncode == 0, used.stderr
    assert str(tmp_path / "bare") in used.stdout
