"""A teacher with a function of somebody's own as a component: --code on every command."""

import subprocess
import sys
import zipfile

import pytest
import spacy
from journeys.commands import PREFIX, run, run_process
from journeys.workshop import SHORT, first_commands

THEIRS = "theirs/curated"


def with_code(line: str) -> str:
    """A command of the README for this teacher."""
    return line.replace("path/or/package", THEIRS) + " --code house.py"


@pytest.mark.long  # cli/test_code.py gives it to each command
def test_the_readmes_commands_take_it(made, tmp_path):
    from journeys.docs_runner import copy, furnish

    here = furnish(tmp_path / "here", made)
    copy(made / "theirs", here / "theirs")
    for line in first_commands():
        start = run_process if " package " in line else run
        start(with_code(line), here, env=SHORT)
    (wheel,) = (here / "packages").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    used = subprocess.run([sys.executable, "-c", USE], cwd=tmp_path / "installed",
                          capture_output=True, text=True)  # fmt: skip
    assert used.returncode == 0, used.stderr
    assert used.stdout.split()[-1] == "2"


USE = """
import sys
sys.path.insert(0, ".")
import en_my_student
print(en_my_student.load()("Ann saw a ship! Go!")._.shouts)
"""


def test_without_it_the_error_names_the_component(made):
    assert PREFIX[0] == "python"
    line = f"python -m spacy skd annotate {THEIRS} train.spacy never/"
    assert "count_shouts" in run(line, made, code=1)
    assert not (made / "never").exists()


def test_report_and_silver_and_export_take_it(made, tmp_path):
    theirs = made / "theirs" / "curated"
    code = f"--code {made / 'house.py'}"
    run(f"python -m spacy skd silver {theirs} {made}/heldout.jsonl s.spacy {code}", tmp_path)
    run(f"python -m spacy skd report {made}/test.spacy t={theirs} {code}", tmp_path)
    docs = spacy.tokens.DocBin().from_disk(tmp_path / "s.spacy")
    assert len(docs) == 8
