"""The parts of pipelines.py that need no trained teacher."""

import json

import numpy
import pytest
import spacy
from all_components import gold_docs
from scripts import run
from spacy.lookups import Lookups
from spacy.scorer import Scorer
from spacy.tokens import Doc, DocBin
from spacy.training import Example
from spacy.vocab import Vocab

ROW = "{}\t{}\t{}\t{}\t{}\t_\t{}\t{}\t_\t_\n"


def treebank(folder, *, documents):
    """Documents of two sentences, alike but for a name; their second span lies in the first."""
    folder.mkdir()
    trees, records = [], []
    for number in range(documents):
        name = f"Ann{number}"
        trees.append(f"# newdoc id = doc{number}\n")
        for words in ([name, "sleeps", "well"], ["The", "dog", "of", name]):
            for i, word in enumerate(words, 1):
                head, dep = (0, "root") if i == 2 else (2, "dep")
                trees.append(ROW.format(i, word, word.lower(), "X", "XX", head, dep))
            trees.append("\n")
        spans = [[0, 1, "person"], [3, 7, "animal"], [6, 7, "person"]]
        genre = "news" if number % 2 else "blog"
        records.append(json.dumps({"id": f"doc{number}", "genre": genre, "spans": spans}))
    (folder / "train.conllu").write_text("".join(trees), encoding="utf8")
    (folder / "train.entities.jsonl").write_text("\n".join(records), encoding="utf8")


def test_gum_is_cut_into_pieces(monkeypatch, tmp_path):
    treebank(tmp_path / "gum", documents=10)
    texts = ["Ann2 sleeps well", "Nobody sleeps today", "A text too many"]
    lines = [json.dumps({"text": text}) + "\n" for text in texts]
    (tmp_path / "raw.jsonl").write_text("".join(lines), encoding="utf8")
    paths = (tmp_path / "gum", tmp_path / "raw.jsonl", tmp_path / "out")
    code, printed = run(monkeypatch, "gum.py", *paths, "--words", 3, "--raw-words", 3)
    assert code == 0
    assert "dev: 2 documents, 4 pieces, 14 words, 6 spans" in printed
    assert (tmp_path / "out" / "raw.jsonl").read_text(encoding="utf8") == lines[1]
    documents = json.loads((tmp_path / "out" / "documents.json").read_text())
    assert documents["dev"] == ["doc2", "doc2", "doc7", "doc7"]
    assert set(documents["test"]) == {"doc4", "doc9"}
    docs = list(DocBin().from_disk(tmp_path / "out" / "dev.spacy").get_docs(Vocab()))
    assert docs[1].text.strip() == "The dog of Ann2"
    assert docs[1].cats == {"blog": 1.0, "news": 0.0}
    assert [(s.start, s.end) for s in docs[1].spans["sc"]] == [(0, 4), (3, 4)]
    assert [(e.start, e.end, e.label_) for e in docs[1].ents] == [(0, 4, "animal")]


def pipeline_of(factories):
    """What says which scores there are; it is not trained."""
    nlp = spacy.blank("en")
    for factory in factories:
        nlp.add_pipe(factory)
    return nlp


def test_counts_are_those_of_spacy():
    from whole.scores import annotated, count

    from spacy_skd.report.bootstrap import f1

    nlp = spacy.blank("en")
    references, others = gold_docs(nlp), gold_docs(nlp)
    for doc in others:
        doc[0].tag_, doc[0].pos_, doc[0].dep_ = "ZZ", "X", "other"
        doc[0].set_morph("Case=Nom")
        doc.set_ents(doc.ents[1:])
        doc.spans["sc"] = [doc[:2], *doc.spans["sc"]]
    counts = {layer: f1(rows.sum(axis=0)) for layer, rows in count(others, references).items()}
    examples = [Example(doc, gold) for doc, gold in zip(others, references)]
    scores = Scorer(pipeline_of(["tagger", "morphologizer", "parser", "ner"])).score(examples)
    expected = {
        "XPOS": "tag_acc",
        "UPOS": "pos_acc",
        "morph": "morph_acc",
        "LAS": "dep_las",
        "SENTS": "sents_f",
        "entities": "ents_f",
    }
    assert {la: counts[la] for la in expected} == pytest.approx(
        {layer: scores[name] for layer, name in expected.items()}
    )
    assert 0 < counts["spans"] < 1
    assert counts["LAS"] < 1
    bare = count(annotated(nlp, references), references)
    assert bare["LAS"][:, :2].sum() == 0
    assert (bare["LAS"][:, 2] == count(references, references)["LAS"][:, 0]).all()


def test_pieces_are_summed_by_document():
    from whole.scores import by_document

    counts = numpy.asarray([[1, 2, 3], [1, 1, 1], [0, 4, 0]])
    assert by_document(counts, ["b", "a", "b"]) == [[1, 6, 3], [1, 1, 1]]


def test_a_report_on_lemmas():
    from whole.lemmas import known_words, lemma_report

    vocab = spacy.blank("en").vocab
    words = ["Dogs", "RUN", "to", "LA", "!"]
    starts = [True, False, False, False, False]
    gold = Doc(vocab, words, lemmas=["dog", "run", "to", "LA", "!"], sent_starts=starts)
    doc = Doc(vocab, words, lemmas=["Dogs", "run", "tow", "la", ""], sent_starts=starts)
    report = lemma_report([doc], [gold], known_words([gold], []))
    assert report["first words"] == {"words": 1, "right": 0}
    assert report["capitals"] == {"words": 2, "right": 1}
    assert report["invented"] == {"words": 5, "lemmas": 1, "some": ["tow"]}


def ruled(folder, *, lemma):
    """A pipeline of rules alone."""
    nlp = spacy.blank("en")
    nlp.add_pipe("attribute_ruler").add([[{"LOWER": "dogs"}]], {"TAG": "NNS", "POS": "NOUN"})
    lookups = Lookups()
    lookups.add_table("lemma_lookup", {"dogs": lemma})
    nlp.add_pipe("lemmatizer", config={"mode": "lookup"}).initialize(lookups=lookups)
    folder.parent.mkdir(parents=True, exist_ok=True)
    nlp.to_disk(folder)
    return folder


@pytest.mark.parametrize(("lemma", "differing"), [("dog", 0), ("dogge", 40)])
def test_rules_are_compared(tmp_path, lemma, differing):
    from whole.english import English

    raw = tmp_path / "raw.jsonl"
    raw.write_text(json.dumps({"text": "All dogs sleep"}) + "\n", encoding="utf8")
    raw.write_text(raw.read_text(encoding="utf8") * 40, encoding="utf8")
    sizes = {"raw_words": 0, "held_out": 120, "words": 0}
    bench = English(ruled(tmp_path / "a", lemma="dog"), raw, tmp_path / "work", **sizes)
    ruled(bench.folder, lemma=lemma)
    measured = bench.rules(rounds=2)
    assert (measured["differing"], measured["words"]) == (differing, 120)
    assert measured["ratio"] > 0


def cells(work, *, small):
    """Cells of every system, of two documents; the teacher is always right."""
    from whole.scores import LAYERS

    (work / "cells").mkdir(parents=True)
    right = {"teacher": 10, "stock_gold@0.001_0": 4, "stock_gold@0.002_0": 5}
    right.update({"stock_silver@0.002_0": 6, "small_0": small, "small_1": small})
    for name, n in right.items():
        dev = {
            "scores": {"cats_score": n / 10},
            "counts": {layer: [[n, 10, 10], [n, 10, 10]] for layer in LAYERS},
            "lemmas": {
                "first words": {"words": 4, "right": 2},
                "capitals": {"words": 4, "right": 1},
                "invented": {"words": 100, "lemmas": 1},
            },
        }
        rate = {"training.optimizer.learn_rate.initial_rate": 0.002}
        cell = {"dev": dev, "overrides": rate}
        (work / "cells" / f"{name}.json").write_text(json.dumps(cell))


def test_tables_of_gum(tmp_path):
    from whole.tables import GumTables

    cells(tmp_path, small=9)
    tables = GumTables(tmp_path)
    assert tables.systems.chosen("stock_gold") == ["stock_gold@0.002_0"]
    assert tables.systems.chosen("small") == ["small_0", "small_1"]
    assert tables.accuracy()[2].startswith("| teacher | 100.0 |")
    assert tables.gap()[-1] == "| small |" + " 80 % |" * 6
    assert "| LAS | +30.00 | +30.00 to +30.00 | 0.0000 |" in tables.bootstrap()
    assert tables.lemmas()[-1] == "| small | 50.0 | 25.0 | 100.0 |"
    assert len(tables.rates()) == 5


def test_a_table_of_missing_cells_is_left_as_it_is(monkeypatch, tmp_path):
    cells(tmp_path / "gum", small=9)
    page = tmp_path / "page.md"
    page.write_text("<!-- gap -->\n<!-- end -->\n<!-- rules -->\nold\n<!-- end -->\n")
    works = [tmp_path / name for name in ("gum", "en", "fr")]
    code, _ = run(monkeypatch, "pipelines.py", "table", page, *works)
    assert code == "missing: rules: 'rules'"
    assert "| small | 80 % |" in page.read_text(encoding="utf8")
    assert "\nold\n" in page.read_text(encoding="utf8")
