"""The student's wheel, in an environment of its own that has spaCy and no torch."""

import json
import subprocess

import pytest
from bare import bare_environment, install, wheel_of_the_package
from journeys.predictions import best, says, texts

USE = """
import importlib.util, json, sys
sys.path.insert(0, %r)
import spacy
from journeys.predictions import says

absent = ("torch", "transformers", "spacy_transformers", "spacy_curated_transformers")
assert not any(map(importlib.util.find_spec, absent))
nlp = spacy.load("en_my_student")
print(json.dumps(says(nlp, json.load(open("texts.json")))))
"""


@pytest.fixture(scope="module")
def python(made, tmp_path_factory):
    """The interpreter of an environment with the wheels of the student and of the package."""
    folder = tmp_path_factory.mktemp("bare")
    interpreter = bare_environment(folder / "environment")
    wheel_of_the_package(folder / "wheels")
    install(interpreter, [*(made / "packages").glob("*.whl"), *(folder / "wheels").glob("*.whl")])
    return interpreter


def test_the_wheel_says_the_same_without_torch(made, python, tmp_path):
    (tmp_path / "texts.json").write_text(json.dumps(texts(made)))
    from journeys.workshop import ROOT

    (tmp_path / "use.py").write_text(USE % str(ROOT / "tests"))
    used = subprocess.run(
        [str(python), "use.py"], cwd=tmp_path, capture_output=True, text=True, env={}
    )
    assert used.returncode == 0, used.stderr
    assert json.loads(used.stdout.splitlines()[-1]) == says(best(made), texts(made))
