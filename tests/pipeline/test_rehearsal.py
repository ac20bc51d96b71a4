"""`rehearse`: a component keeps to its own earlier state, with vectors of its own or shared."""

import copy

import numpy
import pytest
import spacy
from all_components import EACH, NAMES, bare_examples, build, gold_examples, scores_of
from conftest import LISTENER, TOK2VEC, train
from spacy.tokens import Doc
from spacy.training import Example
from stock_pipelines import transformer_pipeline
from thinc.api import Adam

from spacy_skd.pipeline.rehearsal import recalled, resume_training


@pytest.fixture(scope="module", params=[True, False], ids=["shared", "own"])
def trained(request):
    """Bytes of a trained pipeline, and whether its components share a tok2vec."""
    spacy.util.fix_random_seed(0)
    nlp = build(shared=request.param)
    nlp.initialize(lambda: gold_examples(nlp))
    train(nlp, gold_examples(nlp), 60 if request.param else 25)
    return request.param, nlp.to_bytes()


def load(trained):
    shared, data = trained
    return build(shared=shared).from_bytes(data)


def damage(nlp, shared):
    """What training on something else does: all weights drift."""
    rng = numpy.random.default_rng(0)
    names = [*NAMES, "tok2vec"] if shared else NAMES
    for node in [node for name in names for node in nlp.get_pipe(name).model.walk()]:
        for key in node.param_names:
            if node.has_param(key) and node.get_param(key) is not None:
                W = node.get_param(key)
                node.set_param(key, W + 0.1 * rng.normal(size=W.shape).astype(W.dtype))


def docs_of(nlp, shared):
    docs = [eg.predicted for eg in bare_examples(nlp)]
    return list(nlp.get_pipe("tok2vec").pipe(docs)) if shared else docs


@pytest.mark.parametrize("name", EACH)
def test_the_earlier_beliefs_come_back(trained, name):
    """The gradient reaches the component, and the tok2vec that it listens to."""
    shared = trained[0]
    nlp = load(trained)
    resume_training(nlp)
    before = scores_of(nlp, name, docs_of(nlp, shared))
    damage(nlp, shared)
    pipe, sgd, losses = nlp.get_pipe(name), Adam(0.005), []
    vectors = nlp.get_pipe("tok2vec").model.to_bytes() if shared else None
    for _ in range(40):
        losses.append(pipe.rehearse(bare_examples(nlp), sgd=sgd, losses={})[name])
    assert losses[-1] < losses[0]
    entropy = lowest_loss(trained, name)
    assert losses[-1] - entropy < 0.35 * (losses[0] - entropy)
    if shared:
        assert nlp.get_pipe("tok2vec").model.to_bytes() != vectors
    memory = pipe.memory
    assert memory.model is pipe._rehearsal_model
    with pipe.memory.recalled_by(pipe):
        again = scores_of(nlp, name, recalled([eg.predicted for eg in bare_examples(nlp)], memory))
    numpy.testing.assert_array_equal(again, before)


def lowest_loss(trained, name):
    """The loss of a model that is its own memory: the entropy of what it believes."""
    nlp = load(trained)
    resume_training(nlp)
    return nlp.get_pipe(name).rehearse(bare_examples(nlp), losses={})[name]


@pytest.mark.parametrize("name", EACH)
def test_there_is_nothing_to_learn_from_a_state_that_has_not_changed(trained, name):
    nlp = load(trained)
    resume_training(nlp)
    pipe = nlp.get_pipe(name)
    pipe.rehearse(bare_examples(nlp))
    gradients = [
        numpy.abs(node.get_grad(key)).max()
        for node in pipe.model.walk()
        for key in node.param_names
        if node.has_grad(key)
    ]
    assert gradients
    # Independent tags of spans are taught what they say of legal sequences alone; lemmas what is
    # likely enough to be kept.
    assert max(gradients) < {"bio": 1e-2, "lemma": 1e-3}.get(name, 1e-5)


def test_nlp_rehearse(trained):
    """spaCy's own entry point: an optimizer that collects gradients, pipes in random order."""
    shared = trained[0]
    nlp = load(trained)
    optimizer = resume_training(nlp)
    optimizer.learn_rate = 0.003
    damage(nlp, shared)
    losses = [nlp.rehearse(bare_examples(nlp), losses={}) for _ in range(60)]
    assert set(NAMES) <= set(losses[0])
    assert sum(losses[-1].values()) < 0.8 * sum(losses[0].values())
    losses = nlp.update(gold_examples(nlp), sgd=optimizer, losses={})
    assert all(numpy.isfinite(loss) for loss in losses.values())


def test_without_an_earlier_state_nothing_happens(trained):
    nlp = load(trained)
    before = nlp.to_bytes()
    assert nlp.get_pipe("tag")._rehearsal_model is None
    assert nlp.get_pipe("tag").rehearse(bare_examples(nlp)) == {"tag": 0.0}
    nlp.rehearse(bare_examples(nlp))
    assert nlp.to_bytes() == before


@pytest.mark.parametrize("trained", [True], indirect=True, ids=["shared"])
def test_a_shared_tok2vec_that_is_not_remembered_is_an_error(trained):
    nlp = load(trained)
    nlp.resume_training()
    with pytest.raises(ValueError, match=r"tag: cannot rehearse: .*resume_training\(nlp\)"):
        nlp.get_pipe("tag").rehearse(bare_examples(nlp))


@pytest.mark.parametrize("trained", [False], indirect=True, ids=["own"])
def test_vectors_of_its_own_need_spacys_method_alone(trained):
    nlp = load(trained)
    nlp.resume_training()
    assert nlp.get_pipe("tag").rehearse(bare_examples(nlp))["tag"] > 0


def test_docs_without_tokens(trained):
    nlp = load(trained)
    resume_training(nlp)
    empty = Example(Doc(nlp.vocab), Doc(nlp.vocab))
    for name in NAMES:
        assert nlp.get_pipe(name).rehearse([empty]) == {name: 0.0}
        assert nlp.get_pipe(name).rehearse([empty, *bare_examples(nlp)[:2]])[name] >= 0


def test_the_docs_are_not_changed(trained):
    nlp = load(trained)
    resume_training(nlp)
    examples = bare_examples(nlp)
    before = [eg.predicted.to_bytes() for eg in examples]
    nlp.rehearse(examples)
    assert [eg.predicted.to_bytes() for eg in examples] == before


def test_a_copy_of_the_pipeline_rehearses_by_itself(trained):
    nlp = load(trained)
    resume_training(nlp)
    other = copy.deepcopy(nlp)
    before = nlp.to_bytes()
    other.get_pipe("tag").rehearse(bare_examples(other), sgd=Adam(0.1))
    other.get_pipe("tag").rehearse(bare_examples(other), sgd=Adam(0.1))
    assert nlp.to_bytes() == before


@pytest.mark.parametrize("trained", [True], indirect=True, ids=["shared"])
def test_listeners_that_are_replaced_afterwards(trained):
    """The earlier tok2vec still answers; the component's own one learns."""
    nlp = load(trained)
    resume_training(nlp)
    nlp.replace_listeners("tok2vec", "tag", ["model.tok2vec"])
    tag, sgd = nlp.get_pipe("tag"), Adam(0.003)
    before = nlp.get_pipe("tok2vec").to_bytes()
    drift(tag)
    losses = [tag.rehearse(bare_examples(nlp), sgd=sgd)["tag"] for _ in range(20)]
    assert losses[-1] < losses[0]
    assert nlp.get_pipe("tok2vec").to_bytes() == before


def tagger_on(nlp, listener):
    """A trained tagger that listens to the first pipe of a pipeline; the two are left enabled."""
    model = {"@architectures": "spacy-skd.TokenScorer.v1", "tok2vec": listener}
    tagger = nlp.add_pipe("distilling_tagger", "mine", config={"model": model})
    tagger.initialize(lambda: gold_examples(nlp), nlp=nlp)
    nlp.select_pipes(enable=[nlp.pipe_names[0], "mine"])
    return tagger


def drift(pipe):
    output = pipe.model.get_ref("output_layer")
    b = output.get_param("b")
    noise = numpy.random.default_rng(0).normal(size=b.shape).astype(b.dtype)
    output.set_param("b", b + 2 * noise)


def test_a_shared_transformer(tmp_path):
    nlp = transformer_pipeline(tmp_path)
    listener = nlp.get_pipe_config("tagger")["model"]["tok2vec"]
    tagger = tagger_on(nlp, listener)
    sgd = Adam(0.001)
    nlp.update(gold_examples(nlp), sgd=sgd)
    resume_training(nlp)
    lowest = tagger.rehearse(bare_examples(nlp))["mine"]
    drift(tagger)
    before = nlp.get_pipe("transformer").to_bytes()
    losses = [tagger.rehearse(bare_examples(nlp), sgd=sgd)["mine"] for _ in range(8)]
    assert losses[-1] - lowest < 0.5 * (losses[0] - lowest)
    assert nlp.get_pipe("transformer").to_bytes() != before


def test_a_frozen_tok2vec_is_not_copied():
    """Its vectors are on the docs, as in training, and are those of before."""
    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec", config={"model": TOK2VEC})
    nlp.get_pipe("tok2vec").initialize(lambda: gold_examples(nlp), nlp=nlp)
    tagger = tagger_on(nlp, {"@architectures": "spacy-skd.FrozenListener.v1", "listener": LISTENER})
    before = nlp.get_pipe("tok2vec").to_bytes()
    resume_training(nlp)
    assert tagger.memory.upstreams == []
    drift(tagger)
    examples, sgd = bare_examples(nlp), Adam(0.05)
    with pytest.raises(ValueError, match="a doc has no vectors"):
        tagger.rehearse(examples)
    list(nlp.get_pipe("tok2vec").pipe([eg.predicted for eg in examples]))
    losses = [tagger.rehearse(examples, sgd=sgd)["mine"] for _ in range(20)]
    assert losses[-1] < losses[0]
    assert nlp.get_pipe("tok2vec").to_bytes() == before
