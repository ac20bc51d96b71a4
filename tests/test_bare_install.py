"""The wheels of the package and of a student, in an environment that has spaCy and no torch."""

import subprocess

import pytest
from bare import bare_environment, install, wheel_of_the_package

from spacy_skd.cli.package import package

pytestmark = pytest.mark.corpus
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
    from spacy_skd.training.configs.layered import TEMPLATES
    assert {path.name for path in TEMPLATES.iterdir()} == {"rehead.cfg", "stock.cfg", "teacher.cfg"}
    print(importlib.util.find_spec("spacy_skd").origin)
""" % (ABSENT,)


def test_the_wheels_need_spacy_alone(teacher, tmp_path):
    wheels = tmp_path / "wheels"
    wheel_of_the_package(wheels)
    package(teacher, wheels, name="tiny", version="0.1.0")
    python = bare_environment(tmp_path / "bare")
    install(python, wheels.glob("*.whl"))
    (tmp_path / "use.py").write_text(USE)
    run = [str(python), "-I", str(tmp_path / "use.py")]
    used = subprocess.run(run, capture_output=True, text=True)
    assert used.returncode == 0, used.stderr
    assert str(tmp_path / "bare") in used.stdout
