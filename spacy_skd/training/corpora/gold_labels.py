"""Labels of gold that the first examples of a stream lack."""

from collections.abc import Iterable
from itertools import islice

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

from ...layers.entity_tags import repair_entities
from ...pipeline.learners import LEARNERS


def note_labels(nlp: Language, references: Iterable[Doc]) -> None:
    """Make the labels of all gold known to the components of a pipeline that is about to be
    initialized: spaCy shows them the first 100 examples of a stream, and what these lack could
    never be learnt.

    references (Iterable[Doc]): read once, and only if there is such a component.
    """
    pipes = [pipe for _, pipe in nlp.components if isinstance(pipe, LEARNERS)]
    new = [pipe for pipe in pipes if not pipe.is_initialized]
    if not new:
        return
    docs_left = iter(references)
    while docs := list(islice(docs_left, 256)):
        for doc in docs:
            repair_entities(doc)  # of which the corpus tells
        examples = [Example(doc, doc) for doc in docs]
        for pipe in new:
            pipe.note_gold(examples)
