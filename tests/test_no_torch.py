"""The package imports without torch: spaCy imports every installed plugin's factories."""

import subprocess
import sys

# Imported when a transformer is built, or a token classifier is loaded, never before.
NEEDS_TORCH = {
    "spacy_skd.models.transformer._autocast",
    "spacy_skd.models.transformer._classifier",
}

# thinc imports torch where it is installed, so its absence is what is tested. spacy.blank loads
# the entry points of every installed plugin: those of plugins for transformers are hidden.
WITHOUT_TORCH = """
import sys
from importlib import metadata

for name in ("torch", "transformers", "spacy_transformers"):
    sys.modules[name] = None

installed = metadata.distributions
metadata.distributions = lambda **settings: (
    found for found in installed(**settings) if "transformers" not in found.name
)
"""

IMPORT_ALL = """
import importlib, pkgutil, traceback
import spacy_skd

def stop(name):
    raise ImportError(f"{name} cannot be walked")

for module in pkgutil.walk_packages(spacy_skd.__path__, "spacy_skd.", onerror=stop):
    try:
        importlib.import_module(module.name)
        print("imported", module.name)
    except ImportError:
        traceback.print_exc()
        print("failed", module.name)
"""

# Fresh factories and architectures of the package, as a pipeline without a transformer uses them.
BLANK = """
import spacy

nlp = spacy.blank("en")
nlp.add_pipe("distilling_tagger")
nlp.add_pipe("distilling_parser")
print("pipes", *nlp.pipe_names)
"""


def run(code: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", WITHOUT_TORCH + code]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    return result


def test_every_module_imports_without_torch() -> None:
    result = run(IMPORT_ALL)
    lines = [line.split() for line in result.stdout.splitlines()]
    imported = {name for status, name in lines if status == "imported"}
    failed = {name for status, name in lines if status == "failed"}
    assert failed == NEEDS_TORCH, result.stderr
    assert "spacy_skd.models.transformer.teacher_transformer" in imported
    assert "spacy_skd.pipeline.teacher.component" in imported


def test_pipeline_is_made_without_torch() -> None:
    assert run(BLANK).stdout.split() == ["pipes", "distilling_tagger", "distilling_parser"]
