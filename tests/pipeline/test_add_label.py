"""Labels that are added to a trained component."""

import numpy
import pytest
import spacy
from all_components import EACH, NAMES, annotation, build, gold_examples, scores_of
from conftest import train
from spacy.tokens import Span
from thinc.api import Adam

NEW = {"tag": "NEW", "pos": "X", "morph": "Case=Nom", "parser": "new", "ner": "NEW",
       "bio": "NEW", "spans": "NEW", "segments": "NEW",
       "nested": "NEW", "textcat": "NEW",
       "multilabel": "NEW"}  # fmt: skip
LEARNT = [each for each in EACH if (each if isinstance(each, str) else each.values[0]) in NEW]


@pytest.fixture(scope="module")
def trained():
    spacy.util.fix_random_seed(0)
    nlp = build()
    nlp.initialize(lambda: gold_examples(nlp))
    train(nlp, gold_examples(nlp), 60)
    return nlp.to_bytes()


@pytest.fixture
def nlp(trained):
    return build().from_bytes(trained)


def docs_of(nlp):
    pipes = ("tok2vec", "sent")
    docs = [eg.predicted for eg in gold_examples(nlp)]
    for name in pipes:
        docs = list(nlp.get_pipe(name).pipe(docs))
    return docs


def test_the_list_of_components_is_complete():
    """Labels of lemmas, which are made of forms, are added in `test_lemmas.py`."""
    assert {*NEW, "sent", "lemma"} == set(NAMES)


@pytest.mark.parametrize("name", NEW)
def test_the_old_labels_keep_their_weights_and_scores(nlp, name):
    pipe, docs = nlp.get_pipe(name), docs_of(nlp)
    old_labels, old = pipe.labels, pipe.believe(docs)
    params = weights(pipe)
    assert pipe.is_resizable
    assert pipe.add_label(NEW[name]) == 1
    assert pipe.add_label(NEW[name]) == 0
    assert pipe.labels == (*old_labels, NEW[name])
    for key, before in params.items():
        after = weights(pipe)[key][tuple(slice(0, n) for n in before.shape)]
        numpy.testing.assert_array_equal(after, before)
    for before, after in zip(old, pipe.believe(docs)):
        if name == "parser":
            columns = after.label_scores[:, : len(old_labels)]
            numpy.testing.assert_array_equal(after.pairs, before.pairs)
            numpy.testing.assert_allclose(columns, before.label_scores, rtol=1e-6, atol=1e-6)
            for a, b in zip(after.arcs, before.arcs):
                numpy.testing.assert_array_equal(a, b)
        else:
            columns = after.scores[..., : before.scores.shape[-1]]
            numpy.testing.assert_allclose(columns, before.scores, rtol=1e-6, atol=1e-6)


def weights(pipe):
    nodes = [pipe.model, pipe.model.get_ref("output_layer")]
    return {
        (node.name, key): node.get_param(key).copy() for node in nodes for key in node.param_names
    }


@pytest.mark.parametrize("name", NEW)
def test_predictions_stay_until_the_label_is_learnt(nlp, name):
    """Also where the old labels' scores are all below 0."""
    pipe = nlp.get_pipe(name)
    output = pipe.model.get_ref("output_layer")
    if output.has_param("b"):
        output.set_param("b", output.get_param("b") - 50)
    texts = ["The cat sees Ann . Dogs sleep well", "Go !", "She gave him the book Ann Ann"]
    before = [annotation(doc) for doc in nlp.pipe(texts)]
    pipe.add_label(NEW[name])
    assert [annotation(doc) for doc in nlp.pipe(texts)] == before


@pytest.mark.parametrize("name", NEW)
def test_a_new_tag_is_the_mean_of_the_old_ones(nlp, name):
    pipe = nlp.get_pipe(name)
    node = pipe.model.get_ref("output_layer").name
    W = weights(pipe)[node, "W"]
    W = W.T if name == "parser" else W
    names = pipe.task.tags if hasattr(pipe.task, "tags") else pipe.labels
    pipe.add_label(NEW[name])
    wide = weights(pipe)[node, "W"]
    wide = wide.T if name == "parser" else wide
    news = (pipe.task.tags if hasattr(pipe.task, "tags") else pipe.labels)[len(names) :]
    assert len(news) in (1, 2, 4)
    for i, new in enumerate(news):
        prefix = new[:2] if hasattr(pipe.task, "tags") else ""
        like = [W[j] for j, old in enumerate(names) if old.startswith(prefix)]
        numpy.testing.assert_allclose(wide[len(names) + i], numpy.mean(like, axis=0), atol=1e-6)


def test_transitions_of_a_new_label_are_those_of_one_old_label_at_a_time(nlp):
    pipe = nlp.get_pipe("ner")
    T, old = pipe.model.get_param("transition").copy(), pipe.task.tags
    pipe.add_label("NEW")
    wide, tags = pipe.model.get_param("transition"), pipe.task.tags
    assert wide.shape == (len(tags), len(tags))

    def mean(a, b):
        pairs = [(a.replace("NEW", x), b.replace("NEW", x)) for x in ("ACT", "ANIMAL", "PER")]
        return numpy.mean([T[old.index(x), old.index(y)] for x, y in pairs])

    for a, b in (("B-NEW", "E-NEW"), ("O", "S-NEW"), ("S-NEW", "B-PER"), ("E-NEW", "S-NEW")):
        assert wide[tags.index(a), tags.index(b)] == pytest.approx(mean(a, b), abs=1e-6)


@pytest.mark.parametrize("name", LEARNT)
def test_the_new_label_is_learnt_with_the_optimizer_of_before(nlp, name):
    optimizer = nlp.resume_training()
    optimizer.learn_rate = 0.01
    examples = gold_examples(nlp)
    nlp.update(examples, sgd=optimizer)
    nlp.get_pipe(name).add_label(NEW[name])
    for eg in examples:
        for token in eg.reference:
            if token.text == "Ann":
                annotate(eg.reference, token, NEW[name])
    for _ in range(40):
        nlp.update(examples, sgd=optimizer)
    if name == "ner":
        nlp.remove_pipe("bio")  # it overwrites the entities
    found = annotation(nlp("The cat sees Ann ."))
    assert any(NEW[name] in row for row in found)
    grown = build()
    if name == "ner":
        grown.remove_pipe("bio")
    grown.from_bytes(nlp.to_bytes())
    assert annotation(grown("The cat sees Ann .")) == found
    assert grown.get_pipe(name).labels == nlp.get_pipe(name).labels
    train(grown, examples, 1)


def annotate(doc, token, label):
    token.tag_ = label
    token.pos_ = "X"
    token.set_morph("Case=Nom")
    token.dep_ = "new"
    span = Span(doc, token.i, token.i + 1, "NEW")
    doc.set_ents([*(ent for ent in doc.ents if ent.start != token.i), span])
    doc.spans["sc"] = doc.spans["seg"] = doc.spans["nest"] = list(doc.ents)
    doc.cats = {**dict.fromkeys(doc.cats, 0.0), "NEW": 1.0}


@pytest.mark.parametrize("name", LEARNT)
def test_several_labels_survive_disk(nlp, name, tmp_path):
    pipe = nlp.get_pipe(name)
    more = {"pos": ("X", "INTJ"), "morph": ("Case=Nom", "Case=Gen")}.get(name, ("NEW", "NEWER"))
    for label in more:
        pipe.add_label(label)
    nlp.to_disk(tmp_path / "grown")
    loaded = spacy.load(tmp_path / "grown")
    assert loaded.get_pipe(name).labels == pipe.labels
    docs = docs_of(nlp)
    numpy.testing.assert_array_equal(scores_of(loaded, name, docs), scores_of(nlp, name, docs))


def test_what_cannot_be_added(nlp):
    with pytest.raises(ValueError, match="fixed labels"):
        nlp.get_pipe("sent").add_label("NEW")
    assert not nlp.get_pipe("sent").is_resizable
    with pytest.raises(ValueError, match="universal POS"):
        nlp.get_pipe("pos").add_label("NEW")
    with pytest.raises(ValueError, match="label of type str"):
        nlp.get_pipe("tag").add_label(3)
    with pytest.raises(ValueError, match="use add_label"):
        nlp.get_pipe("tag").set_output(100)
    del nlp.get_pipe("tag").model.attrs["grow_output"]
    with pytest.raises(ValueError, match="fixed number of outputs"):
        nlp.get_pipe("tag").add_label("NEW")


def test_a_new_label_is_not_in_the_state_that_is_rehearsed(nlp):
    nlp.replace_listeners("tok2vec", "tag", ["model.tok2vec"])
    nlp.resume_training()
    tag = nlp.get_pipe("tag")
    tag.add_label("NEW")
    sgd, examples = Adam(0.001), gold_examples(nlp)
    losses = [tag.rehearse(examples, sgd=sgd, losses={})["tag"] for _ in range(20)]
    assert losses[-1] < losses[0]
    assert tag.memory.labels == tag.labels[:-1]
