"""A lexicon in a config and in a trained pipeline: read once, saved, exchanged."""

import json
import logging

import numpy
import pytest
import spacy
from thinc.api import Config

from spacy_skd.training.callbacks import without_teacher
from spacy_skd.training.configs.with_lexicon import with_lexicon
from spacy_skd.training.lexicon.setting import lexicon_rows, set_lexicon
from spacy_skd.training.resume import make_begin_from, make_resume

TEXTS = ["in New York", "", "nothing", "Oslo new york"]
TOK2VEC = {
    "@architectures": "spacy-skd.Tok2Vec.v1",
    "embed": {"@architectures": "spacy-skd.WordEmbed.v2", "width": 8, "attrs": ["LOWER"],
              "rows": [50], "include_static_vectors": False},
    "encode": {"@architectures": "spacy-skd.ContextEncoder.v1", "width": 8, "depth": 1,
               "attention_depth": 1, "heads": 2},
}  # fmt: skip


def write(path, **classes):
    lines = [json.dumps({"phrase": p, "label": label}) for label, ps in classes.items() for p in ps]
    path.write_text("\n".join(lines))
    return str(path)


@pytest.fixture
def lexicon(tmp_path):
    return write(tmp_path / "lexicon.jsonl", GPE=["New York", "Oslo"], ORG=["Acme"])


def pipeline_of(path, **changes):
    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec", config={"model": TOK2VEC})
    config = with_lexicon(Config({"paths": {}, **nlp.config}), path)
    config["initialize"]["before_init"].update(changes)
    return spacy.util.load_model_from_config(config, auto_fill=True)


def trained(path):
    nlp = pipeline_of(path)
    nlp.initialize()
    (layer,) = (n for n in nlp.get_pipe("tok2vec").model.walk() if n.name == "lexicon_embed")
    E = numpy.random.default_rng(0).normal(size=layer.get_param("E").shape).astype("f")
    layer.set_param("E", E)
    return nlp


def lexicon_of(nlp, name):
    (layer,) = (n for n in nlp.get_pipe(name).model.walk() if n.name == "lexicon_embed")
    return layer.attrs["lexicon"].lexicon


def tensors(nlp, **settings):
    return [doc.tensor for doc in nlp.pipe(TEXTS, **settings)]


def same(one, other):
    for a, b in zip(one, other, strict=True):
        numpy.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_it_is_read_when_it_is_initialized_and_saved_with_the_component(lexicon, tmp_path):
    nlp = trained(lexicon)
    expected = tensors(nlp)
    nlp.to_disk(tmp_path / "saved")
    (tmp_path / "lexicon.jsonl").unlink()
    loaded = spacy.load(tmp_path / "saved")
    elsewhere = spacy.blank("en")
    elsewhere.add_pipe("tok2vec", source=loaded)
    again = spacy.util.load_model_from_config(nlp.config).from_bytes(nlp.to_bytes())
    for pipeline in (loaded, elsewhere, again):
        same(tensors(pipeline), expected)
    same(tensors(loaded, n_process=2), expected)


def test_a_trained_pipeline_gets_other_phrases_of_its_classes(lexicon, tmp_path):
    nlp = trained(lexicon)
    before = tensors(nlp)
    other = write(tmp_path / "other.jsonl", GPE=["nothing"])
    assert len(set_lexicon(nlp, other).lexicon) == 1
    after = tensors(nlp)
    assert abs(after[2] - before[2]).max() > 1e-3  # "nothing" is a city now
    assert abs(after[0] - before[0]).max() > 1e-3  # New York is none
    same(tensors(spacy.blank("en").from_config(nlp.config).from_bytes(nlp.to_bytes())), after)
    set_lexicon(nlp, lexicon)
    same(tensors(nlp), before)
    with pytest.raises(ValueError, match="expected the classes .* GPE, ORG, got PER: train again"):
        set_lexicon(nlp, write(tmp_path / "per.jsonl", PER=["Ann"]))
    with pytest.raises(ValueError, match="expected a component .* found none among no components"):
        set_lexicon(spacy.blank("en"), lexicon)


def test_the_callback_before_it_is_called_and_doubts_are_told(tmp_path, caplog, monkeypatch):
    base = spacy.blank("en")
    base.tokenizer.add_special_case("Osloo.", [{"ORTH": "Osloo."}])
    base.to_disk(tmp_path / "base")
    path = write(tmp_path / "lexicon.jsonl", GPE=["Osloo", ""])
    first = {"@callbacks": "spacy.copy_from_base_model.v1", "tokenizer": str(tmp_path / "base"),
             "vocab": None}  # fmt: skip
    monkeypatch.setattr(logging.getLogger("spacy.skd"), "propagate", True)
    nlp = pipeline_of(path, first=first)
    nlp.initialize()
    assert [token.text for token in nlp("Osloo.")] == ["Osloo."]
    told = (record for record in caplog.records if record.levelno >= logging.WARNING)
    unfit, uneven = (record.getMessage() for record in told)
    assert unfit.startswith("1 of 2 lines of the lexicon are unfit and left out, such as")
    assert uneven.startswith("1 phrases of the lexicon are cut otherwise within some texts")
    (size, cut, inside) = lexicon_rows(nlp)
    assert size[:3] == ("tok2vec", "phrases of the lexicon", "1 of 1 classes; 1 unfit lines")
    assert size[3]
    assert cut[2] == "1"
    assert inside[2:] == ("0.0 %", inside[3])
    assert "no phrase occurs in the text that was tried" in inside[3]
    # What is saved copies nothing of a teacher.
    nlp.config["paths"]["teacher"] = str(tmp_path / "base")
    block = nlp.config["initialize"]["before_init"]
    assert without_teacher(nlp).config["initialize"]["before_init"] == {**block, "first": None}


def test_embeddings_of_other_classes_keep_their_own_and_all_are_set_or_none(tmp_path):
    nlp, classes = spacy.blank("en"), [("GPE", "ORG"), ("AAA", "GPE", "ORG")]
    for i, names in enumerate(classes):
        path = write(tmp_path / f"{i}.jsonl", **{name: ["New York"] for name in names})
        nlp.add_pipe("tok2vec", name=str(i), source=trained(path))
    set_lexicon(nlp, write(tmp_path / "e.jsonl", GPE=["Oslo", "Bergen"]))
    assert [lexicon_of(nlp, name).classes for name in "01"] == classes
    with pytest.raises(ValueError, match="got AAA: train again"):
        set_lexicon(nlp, write(tmp_path / "f.jsonl", AAA=["Oslo"]))
    assert [len(lexicon_of(nlp, name)) for name in "01"] == [2, 2]


def test_what_is_resumed_takes_the_lexicon_that_is_given(lexicon, tmp_path):
    nlp = trained(lexicon)
    without_teacher(nlp).to_disk(tmp_path / "saved")
    newer = write(tmp_path / "newer.jsonl", ORG=["nothing"])
    expected = spacy.load(tmp_path / "saved")
    set_lexicon(expected, newer)
    for callback in (make_resume, make_begin_from):
        again = pipeline_of(newer)
        again.initialize()
        same(tensors(callback(tmp_path / "saved")(again)), tensors(expected))
    other = pipeline_of(write(tmp_path / "per.jsonl", PER=["Ann"]))
    other.initialize()
    with pytest.raises(ValueError, match="GPE, ORG, got PER: train again"):
        make_resume(tmp_path / "saved")(other)
    # Its own config needs no file.
    (tmp_path / "lexicon.jsonl").unlink()
    own = spacy.util.load_model_from_config(spacy.load(tmp_path / "saved").config)
    own.initialize()
    with pytest.raises(ValueError, match="found one that was trained without: train it again"):
        set_lexicon(own, newer)
    same(tensors(make_resume(tmp_path / "saved")(own)), tensors(nlp))
    with pytest.raises(FileNotFoundError, match="name the lexicon by --paths.lexicon"):
        pipeline_of(lexicon).initialize()


def test_without_a_path_it_waits_for_what_is_resumed(lexicon):
    nlp, empty = trained(lexicon), pipeline_of(None)
    empty.initialize()
    same(tensors(empty.from_bytes(nlp.to_bytes())), tensors(nlp))


def test_a_training_without_a_lexicon_says_so_once(caplog):
    nlp = pipeline_of(None)
    nlp.initialize()
    model = nlp.get_pipe("tok2vec").model
    with caplog.at_level(logging.WARNING, "spacy.skd"):
        for _ in range(2):
            model([nlp.make_doc(TEXTS[0])], is_train=True)
    (said,) = [r.getMessage() for r in caplog.records if "lexicon" in r.getMessage()]
    assert "it is empty" in said
    assert "--paths.lexicon" in said
