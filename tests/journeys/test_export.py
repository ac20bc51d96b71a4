"""`spacy skd export` of the student: the same predictions, by spaCy's components where possible."""

import spacy
from journeys.commands import run
from journeys.predictions import best, says, texts

STOCK = {"senter": "senter", "tagger": "tagger", "pos": "morphologizer", "morph": "morphologizer",
         "attribute_ruler": "attribute_ruler", "lemmatizer": "lemmatizer"}  # fmt: skip


def test_the_exported_student_says_the_same(made, tmp_path):
    output = run(f"python -m spacy skd export {made}/out/model-best stock", tmp_path)
    exported, student = spacy.load(tmp_path / "stock"), best(made)
    assert exported.pipe_names == student.pipe_names
    factories = {name: exported.get_pipe_meta(name).factory for name in exported.pipe_names}
    assert STOCK.items() <= factories.items()
    for kept in ("parser", "ner", "spancat"):
        assert factories[kept].startswith("distilling_")
        assert kept in output
    assert says(exported, texts(made)) == says(student, texts(made))
