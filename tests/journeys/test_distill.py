"""The one command on somebody's pipeline with a component of their own, and texts alone."""

import subprocess
import sys
import zipfile

import srsly
from journeys.commands import run
from journeys.workshop import SHORT

from spacy_skd.cli.distillation import steps, times

USE = """
import sys
sys.path.insert(0, ".")
import en_mine
print(en_mine.load()("Ann saw a ship! Go!")._.shouts)
"""


def test_from_texts_to_a_wheel_that_loads_elsewhere(made, tmp_path, monkeypatch):
    monkeypatch.setattr(times, "SECONDS", 0.1)
    monkeypatch.setattr(steps, "SPEED_WORDS", 500)
    data = f"{made / 'theirs' / 'curated'} {made / 'raw.jsonl'} mine"
    options = f"--preset tiny --name mine --code {made / 'house.py'}"
    said = run(f"python -m spacy skd distill {data} {options}", tmp_path, env=SHORT)
    assert "This will take about" in said
    results = srsly.read_json(tmp_path / "mine" / "report.json")
    assert results["scores"] == "agreement with the teacher"
    assert results["pipelines"]["teacher"]["predicted_sentences"]["ents_f"] == 1.0
    (wheel,) = (tmp_path / "mine" / "packages").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    used = subprocess.run([sys.executable, "-c", USE], cwd=tmp_path / "installed",
                          capture_output=True, text=True)  # fmt: skip
    assert used.returncode == 0, used.stderr
    assert used.stdout.split()[-1] == "2"
