"""Labels that stand in gold alone, behind the examples that spaCy initializes a stream with."""

from itertools import islice

import pytest
import spacy
import srsly
from all_components import build, gold_docs
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Example

from spacy_skd.training.annotation.annotate import annotate
from spacy_skd.training.corpora.distillation import make_distillation_corpus
from spacy_skd.training.corpora.gold_labels import note_labels
from spacy_skd.training.corpora.readers import make_mixed_corpus

SHOWN = 100  # examples that spaCy initializes a stream with
RARE = {"tag": "RARE", "morph": "Foo=Bar", "parser": "rare", "ner": "RARE", "spans": "RARE",
        "segments": "RARE", "bio": "RARE"}  # fmt: skip


def rare_doc(nlp):
    doc = Doc(nlp.vocab, ["So", "rare"], tags=["NN", "RARE"], morphs=["_", "Foo=Bar"],
              pos=["NOUN", "X"], heads=[1, 1], deps=["rare", "ROOT"],
              sent_starts=[True, False])  # fmt: skip
    doc.set_ents([Span(doc, 0, 1, "RARE")])
    doc.spans["sc"] = doc.spans["seg"] = [Span(doc, 0, 1, "RARE")]
    return doc


@pytest.fixture(scope="module")
def readers(teacher, tmp_path_factory):
    """Of both kinds."""
    folder = tmp_path_factory.mktemp("gold")
    nlp = spacy.blank("en")
    docs = [doc for _ in range(30) for doc in gold_docs(nlp)]
    DocBin(docs=[*docs, rare_doc(nlp)], store_user_data=True).to_disk(folder / "gold.spacy")
    (folder / "raw.txt").write_text("\n".join(f"Text number {i} of many" for i in range(60)))
    annotate(teacher, [str(folder / name) for name in ("gold.spacy", "raw.txt")], folder / "out")
    of_path = make_distillation_corpus(folder / "out", folder / "gold.spacy", ratio=1.0)
    mixed = make_mixed_corpus(folder / "gold.spacy", folder / "raw.txt")
    return {"store": make_distillation_corpus(folder / "out"), "path": of_path, "mixed": mixed}


@pytest.mark.parametrize("kind", ["store", "path", "mixed"])
def test_every_label_of_gold_is_known(readers, kind):
    nlp = build()
    tags = {"@architectures": "spacy-skd.TokenScorer.v1"}
    listener = {"@architectures": "spacy.Tok2VecListener.v1", "width": 32}
    config = {"model": {**tags, "tok2vec": listener}, "structure": "offset_tags", "min_count": 2}
    nlp.add_pipe("distilling_parser", "offsets", config=config)
    for _ in range(2):  # what is read again does not count again
        first = list(islice(readers[kind](nlp), SHOWN))
    shown = [eg for eg in first if "RARE" not in [token.tag_ for token in eg.reference]]
    nlp.initialize(lambda: shown)
    assert {
        name: label for name, label in RARE.items() if label in nlp.get_pipe(name).labels
    } == RARE
    labels = nlp.get_pipe("offsets").labels
    assert "1:det" in labels
    assert "1:rare" not in labels, "it occurs once"


def test_what_several_readers_have_in_common_counts_once(readers):
    """The rare tag is in both; two of its docs in one reader are two."""
    listener = {"@architectures": "spacy.Tok2VecListener.v1", "width": 32}
    model = {"@architectures": "spacy-skd.TokenScorer.v1", "tok2vec": listener}
    config = {"model": model, "structure": "offset_tags"}
    counts = (([1, 1], 2, False), ([2, 1], 2, True), ([1, 2], 2, True), ([2, 2], 3, False))
    for references, min_count, is_known in counts:
        nlp, config["min_count"] = build(), min_count
        nlp.add_pipe("distilling_parser", "offsets", config=config)
        common = gold_docs(nlp)
        for n_rare in references:
            note_labels(nlp, [*common, *(rare_doc(nlp) for _ in range(n_rare))])
        shown = [Example(doc, doc) for doc in common]
        nlp.initialize(lambda shown=shown: shown)
        labels = nlp.get_pipe("offsets").labels
        assert ("1:rare" in labels) == is_known
        assert "RARE" in nlp.get_pipe("tag").labels


def test_labels_that_are_given_are_all_there_are(readers):
    nlp = build()
    shown = list(islice(readers["store"](nlp), SHOWN))
    nlp.get_pipe("tok2vec").initialize(lambda: shown, nlp=nlp)
    nlp.get_pipe("tag").initialize(lambda: shown, nlp=nlp, labels=["NN"])
    assert nlp.get_pipe("tag").labels == ("NN",)


@pytest.mark.parametrize("is_there", [True, False])
def test_where_all_labels_are_given_gold_is_not_read(tmp_path, is_there):
    nlp = spacy.blank("en")
    nlp.add_pipe("distilling_tagger", "tag")
    nlp.add_pipe("distilling_tagger", "pos", config={"layer": "pos"})
    file = {"@readers": "spacy.read_labels.v1", "path": str(tmp_path / "labels.json")}
    if is_there:
        srsly.write_json(tmp_path / "labels.json", ["NN"])
    nlp.config["initialize"]["components"] = {"tag": {"labels": ["X"]}, "pos": {"labels": file}}
    read = []
    note_labels(nlp, (read.append(doc) or doc for doc in gold_docs(nlp)))
    assert bool(read) == (not is_there)


def test_a_component_that_has_learnt_gets_no_labels(readers):
    nlp = build()
    examples = list(islice(readers["mixed"](nlp), SHOWN))
    nlp.initialize(lambda: examples)
    before = nlp.get_pipe("tag").labels
    next(iter(readers["store"](nlp)))
    assert nlp.get_pipe("tag").labels == before
