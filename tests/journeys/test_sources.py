"""The student's components in pipelines of somebody else's."""

import warnings

import spacy
from journeys.predictions import best, texts


def tags(nlp, some):
    return [[token.tag_ for token in doc] for doc in nlp.pipe(some)]


def ents(nlp, some):
    return [[(ent.text, ent.label_) for ent in doc.ents] for doc in nlp.pipe(some)]


def test_a_tagger_in_a_blank_pipeline(made, tmp_path):
    given = texts(made)
    student = best(made)
    expected = tags(student, given)
    student.replace_listeners("tok2vec", "tagger", ["model.tok2vec"])
    nlp = spacy.blank("en")
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # spaCy's W113: the source's vectors are not the vocab's
        nlp.add_pipe("tagger", source=student)
    assert tags(nlp, given) == expected
    nlp.to_disk(tmp_path / "sourced")
    assert tags(spacy.load(tmp_path / "sourced"), given) == expected


def test_with_its_tok2vec(made, tmp_path):
    given = texts(made)
    student = best(made)
    expected = ents(spacy.load(made / "out" / "model-best", exclude=["entity_ruler"]), given)
    nlp = spacy.blank("en")
    for name in ("tok2vec", "ner"):
        nlp.add_pipe(name, source=student)
    assert ents(nlp, given) == expected
    nlp.to_disk(tmp_path / "sourced")
    assert ents(spacy.load(tmp_path / "sourced"), given) == expected


def test_in_a_pipeline_with_vectors_of_its_own(made):
    """The other pipeline's table stays the vocab's; the student's comes along."""
    import numpy

    given = texts(made)
    student = best(made)
    expected = tags(student, given)
    student.replace_listeners("tok2vec", "tagger", ["model.tok2vec"])
    nlp = spacy.blank("en")
    nlp.vocab.reset_vectors(width=5)
    nlp.vocab.set_vector("ship", numpy.ones(5, dtype="f"))
    nlp.add_pipe("tagger", source=student)
    assert nlp.vocab.vectors.shape[1] == 5
    assert tags(nlp, given) == expected


def test_beside_the_components_of_its_teacher(made):
    """Somebody takes the student's entities into the pipeline with a transformer."""
    given = texts(made)
    student = best(made)
    expected = ents(spacy.load(made / "out" / "model-best", exclude=["entity_ruler"]), given)
    student.replace_listeners("tok2vec", "ner", ["model.tok2vec"])
    nlp = spacy.load(made / "path" / "or" / "package", exclude=["ner", "entity_ruler"])
    nlp.add_pipe("ner", source=student)
    assert ents(nlp, given) == expected
