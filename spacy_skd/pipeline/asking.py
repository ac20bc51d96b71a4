"""What `distill` asks: another component, of docs on which the teacher's pipeline has run."""

from collections.abc import Iterable, Sequence
from typing import Any

from spacy.tokens import Doc
from spacy.training import Example, validate_examples
from thinc.api import Model

from ..models.frozen import has_vectors, listeners
from ..teachers.sources import CAN_TEACH, as_source
from ..transfer.beliefs import Belief


def check_distillation(
    teacher_pipe: Any, examples: Iterable[Example], *, name: str
) -> list[Example]:
    """Return the examples. RAISES (ValueError): if there is no teacher, or it and the student, of
    that name, do not see the same tokens."""
    examples = list(examples)
    validate_examples(examples, f"{name}.distill")
    for eg in examples:
        words, mine = ([token.text for token in doc] for doc in (eg.reference, eg.predicted))
        if words != mine:
            raise ValueError(
                f"{name}: expected the same tokens in an example's reference (the teacher's doc) "
                f"and predicted (the student's), got {words[:8]} and {mine[:8]}"
            )
    if teacher_pipe is None:
        raise ValueError(f"{name}: distill needs a teacher_pipe, got None")
    return examples


def ask(teacher_pipe: Any, docs: Sequence[Doc], *, layer: str) -> list[Belief]:
    """Return what a component believes of docs that it does not change.

    layer (str): the student's: a component of several asks for its view of that name.
    RAISES (ValueError): if the component cannot teach, or listens to vectors that a doc lacks.
    """
    source = as_source(teacher_pipe)
    if source is None:
        raise ValueError(
            f"{teacher_pipe.name!r} ({type(teacher_pipe).__name__}) cannot teach: expected one of "
            f"{CAN_TEACH}"
        )
    model = getattr(teacher_pipe, "model", None)  # what matches patterns has none
    if model is not None and lack_vectors(model, docs):
        raise ValueError(
            f"{teacher_pipe.name!r} listens to another component of the teacher's pipeline, and a "
            f"doc has no vectors. Run that component over each example's reference first."
        )
    views = source.views()
    view = views.get(f".{layer}", views[""])
    return [view.read(belief) for belief in source.believe(docs)]


def check_vectors(model: Model[Any, Any], doc: Doc) -> None:
    """Check that a doc has the vectors that a model listens to: spaCy's listeners take zeros in
    their place, of which a component would say what is not so. RAISES (ValueError): if not."""
    if lack_vectors(model, [doc]):
        raise ValueError(
            "expected a doc on which the component has run that this one listens to (its tok2vec "
            "or transformer), got one without vectors, as DocBin, JSON and nlp.make_doc make, and "
            "a doc_cleaner, which takes them away. Run the pipeline over it without that: "
            "nlp(doc, disable=['doc_cleaner'])"
        )


def lack_vectors(model: Model[Any, Any], docs: Sequence[Doc]) -> bool:
    """Tell whether a model listens to another component, which has not run on some doc."""
    return bool(listeners(model)) and not all(has_vectors(doc) for doc in docs)
