"""The layer of lemmas: what is learnt, by which loss, and what is written."""

import copy
import itertools
import logging

import numpy
import pytest
import spacy
from conftest import TOK2VEC, make_docs, train
from spacy.pipeline import EditTreeLemmatizer
from spacy.tokens import Doc
from spacy.training import Example

from spacy_skd.codecs.lemma_labels import parse_lemma_label
from spacy_skd.pipeline.stock_pipes import make_stock
from spacy_skd.pipeline.tasks import lemmas as lemma_task
from spacy_skd.structures import IndependentLabels
from spacy_skd.transfer.beliefs import LemmaBelief, TokenBelief

LEMMAS = {"sees": "see", "dogs": "dog", "gave": "give", "ann": "Ann"}
LABELS = ["lower *", "form *", "title *", "lower * s/", "lower gave/give"]
WORDS = ["Ann", "sees", "GAVE", "xs", "Dogs"]


def component(**settings):
    """A pipeline of one component."""
    nlp = spacy.blank("en")
    model = {"@architectures": "spacy-skd.TokenScorer.v1", "tok2vec": TOK2VEC}
    config = {"layer": "lemma", "min_tree_freq": 1, **settings, "model": model}
    nlp.add_pipe("distilling_tagger", "lemma", config=config)
    return nlp


def gold_examples(nlp):
    docs = make_docs(nlp)
    for doc in docs:
        for token in doc:
            token.lemma_ = LEMMAS.get(token.lower_, token.lower_)
    return [Example(Doc(nlp.vocab, [t.text for t in doc]), doc) for doc in docs]


def initialized(labels=LABELS, **settings):
    nlp = component(**settings)
    nlp.get_pipe("lemma").initialize(lambda: gold_examples(nlp), nlp=nlp, labels=labels)
    return nlp


def set_scores(nlp, scores):
    """Let each word have the same scores of labels."""
    nlp.get_pipe("lemma").model.get_ref("output_layer").set_param("b", numpy.float32(scores))


@pytest.fixture(scope="module")
def trained():
    spacy.util.fix_random_seed(0)
    nlp = component()
    nlp.initialize(lambda: gold_examples(nlp))
    train(nlp, gold_examples(nlp), 40)
    return nlp


def test_lemmas_are_learnt_whatever_the_case(trained):
    assert trained.evaluate(gold_examples(trained))["lemma_acc"] == 1.0
    for text in ("the cat sees Ann", "The Cat Sees Ann", "THE CAT SEES ANN"):
        assert [token.lemma_ for token in trained(text)] == ["the", "cat", "see", "Ann"]


def test_whitespace_is_its_own_lemma(trained):
    doc = trained("\n\nDogs \t sees\n")
    assert [t.lemma_ for t in doc] == [t.text if t.is_space else LEMMAS[t.lower_] for t in doc]


def test_labels_are_those_that_occur_often_enough():
    every, few, noted = component(), component(min_tree_freq=4), component(min_tree_freq=4)
    noted.get_pipe("lemma").note_gold(gold_examples(noted) * 4)
    labels = []
    for nlp in (every, few, noted):
        nlp.initialize(lambda nlp=nlp: gold_examples(nlp))
        labels.append(nlp.get_pipe("lemma").labels)
    assert labels[1] == labels[0][: len(labels[1])] != labels[0]
    assert set(labels[2]) == set(labels[0])


def test_where_no_label_occurs_often_enough_the_most_frequent_are_taken(caplog):
    """As of a small treebank. spaCy's `trainable_lemmatizer` has no labels then."""
    every, few = component(), component(min_tree_freq=1000)
    for nlp in (every, few):
        nlp.initialize(lambda nlp=nlp: gold_examples(nlp))
    labels = few.get_pipe("lemma").labels
    assert labels == every.get_pipe("lemma").labels[: len(labels)] == ("lower *",)
    assert "no edit tree occurs min_tree_freq = 1000 times" in caplog.text
    once = [Doc(few.vocab, ["Dogs", "saw"], lemmas=["dog", "see"])]
    rare = component()
    rare.get_pipe("lemma").task.min_tree_freq = 3
    rare.initialize(lambda: [Example(doc, doc) for doc in once])
    assert len(rare.get_pipe("lemma").labels) == 2
    assert "those that occur once are taken" in caplog.text
    nlp = component()
    with pytest.raises(ValueError, match="lemma: no labels"):
        nlp.initialize(lambda: [Example(nlp.make_doc("Go"), nlp.make_doc("Go"))])


@pytest.mark.parametrize("label", ["NN", "lower", "lower ing", ""])
def test_labels_that_are_none_are_refused(label):
    with pytest.raises(ValueError, match="^lemma: .*edit tree"):
        initialized(["lower *", label])
    with pytest.raises(ValueError, match="^lemma: .*edit tree"):
        component().get_pipe("lemma").add_label(label)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"top_k": -1}, "lemma: top_k: expected a number from 0"),
        ({"min_tree_freq": 0}, "lemma: min_tree_freq: expected a number from 1"),
        ({"backoff": "tag"}, "lemma: backoff: expected 'orth', 'lower' or null, got 'tag'"),
        ({"structure": "linear_chain"}, "layer 'lemma' has 'tokens' alone"),
        ({"layer": "tag", "top_k": 3}, "top_k: does not apply to layer 'tag'"),
        ({"threshold": 0.1}, "threshold: does not apply to layer 'lemma'"),
    ],
)
def test_settings_are_checked(setting, message):
    with pytest.raises(ValueError, match=message):
        component(**{"layer": "lemma", "min_tree_freq": 3, **setting})


def test_a_label_that_is_added_starts_as_the_mean_of_the_others(trained):
    nlp = copy.deepcopy(trained)
    pipe = nlp.get_pipe("lemma")
    assert [pipe.add_label("upper *"), pipe.add_label("upper *")] == [1, 0]
    texts = ["The cat sees Ann", "Dogs sleep well"]
    assert [[t.lemma_ for t in doc] for doc in nlp.pipe(texts)] == [
        [t.lemma_ for t in doc] for doc in trained.pipe(texts)
    ]
    (belief,) = pipe.believe([nlp.make_doc("cat")])
    assert belief.labels[-1] == "upper *"


# Prediction


@pytest.mark.parametrize(("backoff", "lemma"), [("orth", "Xyz"), ("lower", "xyz"), (None, "")])
def test_a_form_to_which_no_tree_applies(backoff, lemma):
    nlp = initialized(["lower * ing/"], backoff=backoff)
    doc = nlp("Xyz walking")
    assert [token.lemma_ for token in doc] == [lemma, "walk"]
    pipe = nlp.get_pipe("lemma")
    (belief,) = pipe.believe([nlp.make_doc("Xyz walking")])
    assert belief.counts.tolist() == [0, 1]
    copy = nlp.make_doc("Xyz walking")
    pipe.write_beliefs([copy], [belief])
    assert [token.lemma_ for token in copy] == [lemma, "walk"]
    pipe.save_activations = True
    activations = nlp("Xyz walking")._.activations["lemma"]
    assert activations["label_ids"].tolist() == [-1, 0]
    assert activations["confidences"].tolist() == [0, 1]


@pytest.mark.parametrize(("top_k", "lemma"), [(0, "Ann"), (1, "ann"), (2, "ann"), (3, "Ann")])
def test_the_likeliest_lemma_of_the_best_labels(top_k, lemma):
    """Two labels say "Ann", which outweigh the best together."""
    nlp = initialized(top_k=top_k)
    set_scores(nlp, [1.0, 0.5, 0.4, 9.0, 9.0])  # the last two do not apply
    assert nlp("Ann")[0].lemma_ == lemma


def test_activations_are_of_what_applies():
    nlp = initialized(save_activations=True)
    set_scores(nlp, [1.0, 0.5, 0.4, 9.0, 9.0])
    found = nlp("Ann\n")._.activations["lemma"]
    chances = numpy.exp([1.0, 0.5, 0.4]) / numpy.exp([1.0, 0.5, 0.4]).sum()
    numpy.testing.assert_allclose(found["marginals"][0], [*chances, 0, 0], atol=1e-6)
    assert not found["marginals"][1].any()
    assert found["label_ids"].tolist() == [0, -1]
    numpy.testing.assert_allclose(found["confidences"], [chances[1:].sum(), 1], atol=1e-6)


def test_many_labels_are_scored_a_few_docs_at_a_time(trained, monkeypatch):
    texts = ["The cat sees Ann", "Dogs sleep", "", "She gave him the book"] * 3
    expected = [[t.lemma_ for t in doc] for doc in trained.pipe(texts)]
    monkeypatch.setattr(lemma_task, "MOST_SCORES", 5 * len(trained.get_pipe("lemma").labels))
    assert [[t.lemma_ for t in doc] for doc in trained.pipe(texts)] == expected


def test_annotation_that_is_there_stays_unless_it_may_be_replaced(trained):
    words = ["Dogs", "sees"]
    doc = Doc(trained.vocab, words, lemmas=["hound", ""])
    assert [t.lemma_ for t in trained(doc)] == ["hound", "see"]


# Gold


def test_a_lemma_that_no_label_makes_is_unknown_gold(caplog):
    nlp = initialized(["lower *"])
    pipe, doc = nlp.get_pipe("lemma"), Doc(nlp.vocab, ["Dogs", "sleep"], lemmas=["dog", "sleep"])
    example = Example(Doc(nlp.vocab, ["Dogs", "sleep"]), doc)
    with caplog.at_level(logging.WARNING, logger="spacy.skd"):
        lesson = pipe.task.lesson([example], None)
    assert lesson.known.tolist() == [False, True]
    assert pipe.unknown_labels.tokens == 1
    assert "Dogs -> dog" in caplog.text


def test_a_token_that_is_cut_otherwise_has_no_gold():
    nlp = component()
    layer = nlp.get_pipe("lemma").layer
    reference = Doc(nlp.vocab, ["cannot", "x", "y"], [True, False, False], lemmas=["can", "x", "y"])
    predicted = Doc(nlp.vocab, ["can", "not", "xy"], [False, True, False])
    assert layer.gold(Example(predicted, reference)) == [None, None, None]
    same = Doc(nlp.vocab, ["cannot", "xy"], [True, False])
    assert layer.gold(Example(same, reference)) == ["can", None]


# The loss


def belief_of(words, said):
    return LemmaBelief.listed((), words, said)


def loss_by_formula(words, scores, target, temperature=1.0):
    """By listing: - T^2 sum_l m(l) log P_s(l), of tempered sums over labels."""
    loss = 0.0
    for word, row, of_word in zip(words, scores, target):
        sums: dict[str, float] = {}
        for label, score in zip(LABELS, row):
            lemma = parse_lemma_label(label).apply(word)
            if lemma is not None:
                sums[lemma] = sums.get(lemma, 0.0) + numpy.exp(score)
        powers = {lemma: total ** (1 / temperature) for lemma, total in sums.items()}
        for lemma, share in of_word.items():
            loss -= share * numpy.log(powers[lemma] / sum(powers.values())) * temperature**2
    return loss


@pytest.fixture
def scores():
    return numpy.random.default_rng(0).normal(size=(len(WORDS), len(LABELS)))


def check_gradient(task, lesson, scores):
    loss, gradient = task.loss(lesson, scores)
    for place in itertools.product(*map(range, scores.shape)):
        ends = []
        for sign in (1, -1):
            moved = scores.copy()
            moved[place] += sign * 1e-5
            ends.append(task.loss(lesson, moved)[0])
        assert (ends[0] - ends[1]) / 2e-5 == pytest.approx(gradient[place], abs=1e-5)
    return loss


def test_the_loss_of_gold_is_of_all_labels_that_make_it(scores):
    """The second word is unknown, the fourth of no label."""
    nlp = initialized()
    gold = ["Ann", "", "give", "yes", "dog"]
    example = Example(Doc(nlp.vocab, WORDS), Doc(nlp.vocab, WORDS, lemmas=gold))
    task = nlp.get_pipe("lemma").task
    loss = check_gradient(task, task.lesson([example], None), scores)
    known = [{"Ann": 1.0}, {}, {"give": 1.0}, {}, {"dog": 1.0}]
    assert loss == pytest.approx(loss_by_formula(WORDS, scores, known))


@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_the_loss_of_a_teacher_is_over_lemmas(scores, temperature, caplog):
    """What the student's labels cannot make is left out, and reported."""
    nlp = initialized(temperature=temperature)
    pipe = nlp.get_pipe("lemma")
    said = [{"Ann": 0.0, "ann": -1.0}, {"see": 0.0, "saw": -0.5}, {}, {"ys": 0.0}, {"dog": 3.0}]
    with caplog.at_level(logging.WARNING, logger="spacy.skd"):
        lesson = pipe.task.lesson_without_gold([belief_of(WORDS, said)])
        loss = check_gradient(pipe.task, lesson, scores)
    share = 1 / (1 + numpy.exp(-1.0 / temperature))
    target = [{"Ann": share, "ann": 1 - share}, {"see": 1.0}, {}, {}, {"dog": 1.0}]
    assert loss == pytest.approx(loss_by_formula(WORDS, scores, target, temperature), rel=1e-5)
    assert "lemmas that none of its labels makes" in caplog.text
    assert pipe.lost_mass.skipped > 0


@pytest.mark.parametrize("target", ["structural", "top1", "topk", "token", "position"])
def test_every_target_has_a_gradient(scores, target):
    nlp = initialized(target=target)
    task = nlp.get_pipe("lemma").task
    said = [{"Ann": 0.0, "ann": -1.0}, {"see": 0.0}, {"give": 0.0}, {"xs": 0.0}, {"dogs": 0.0}]
    loss = check_gradient(task, task.lesson_without_gold([belief_of(WORDS, said)]), scores)
    if target == "top1":
        assert loss == pytest.approx(
            loss_by_formula(WORDS, scores, [{max(of, key=of.get): 1.0} for of in said])
        )


def test_teacher_and_student_of_other_labels_meet_in_lemmas(scores, caplog):
    """Labels that one side alone has lose nothing, if the other makes the same lemmas."""
    teacher = initialized(["title *", "lower sees/see", "lower gave/give", "lower xs/x",
                           "lower dogs/dog"])  # fmt: skip
    student = initialized()
    beliefs = teacher.get_pipe("lemma").believe([Doc(teacher.vocab, WORDS)])
    pipe = student.get_pipe("lemma")
    with caplog.at_level(logging.WARNING, logger="spacy.skd"):
        lesson = pipe.task.lesson_without_gold(beliefs)
        assert pipe.task.loss(lesson, scores)[0] > 0
    assert "lemmas that none" not in caplog.text
    assert not pipe.lost_mass.skipped


def test_what_is_no_belief_of_lemmas_is_refused(scores):
    pipe = initialized().get_pipe("lemma")
    tags = TokenBelief(IndependentLabels(), ("A",), numpy.zeros((len(WORDS), 1), "float32"))
    with pytest.raises(ValueError, match="lemma: expected a teacher of lemmas"):
        pipe.task.lesson_without_gold([tags])
    doc = Doc(pipe.vocab, WORDS)
    lesson = pipe.task.lesson([Example(doc, doc)], [tags])
    with pytest.raises(ValueError, match="lemma: expected a teacher of lemmas, but its component"):
        pipe.task.loss(lesson, scores)


def test_ten_thousand_labels_are_learnt_and_predicted():
    letters = "abcdefghijklmnopqrstuvwxyz"
    ends = itertools.product(letters, letters, letters)
    labels = ["lower *", "lower * s/", "title *", "lower gave/give"]
    labels += [f"lower * {a}{b}/{c}" for a, b, c in ends if a != "s"][: 10_000 - len(labels)]
    nlp = initialized(labels)
    optimizer = nlp.get_pipe("lemma").create_optimizer()
    optimizer.learn_rate = 0.02
    for _ in range(25):
        nlp.update(gold_examples(nlp), sgd=optimizer)
    assert nlp.evaluate(gold_examples(nlp))["lemma_acc"] > 0.9


# Export


def test_the_stock_lemmatizer_says_the_same_of_lower_case_and_of_first_capitals(trained):
    texts = ["The cat sees Ann . Dogs sleep well", "Go ! She gave him the book", "Gave", "dogs", ""]
    expected = [[t.lemma_ for t in doc] for doc in trained.pipe(texts)]
    nlp = copy.deepcopy(trained)
    outcome = make_stock(nlp)
    assert outcome.exported == {"lemma": "trainable_lemmatizer"}
    assert "words in capitals" in outcome.notes[0]
    assert [[t.lemma_ for t in doc] for doc in nlp.pipe(texts)] == expected
    again = spacy.util.load_model_from_config(nlp.config, auto_fill=True).from_bytes(nlp.to_bytes())
    assert type(again.get_pipe("lemma")) is EditTreeLemmatizer
    assert [[t.lemma_ for t in doc] for doc in again.pipe(texts)] == expected
