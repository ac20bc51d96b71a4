"""Annotation of a stream of docs, of which one may be unfit."""

from collections.abc import Iterable, Iterator
from typing import Any

from spacy.tokens import Doc
from spacy.util import minibatch


def annotate_stream(pipe: Any, stream: Iterable[Doc], *, batch_size: int = 128) -> Iterator[Doc]:
    """As `pipe` of spaCy's trainable components, in which an error costs all docs of its batch:
    here each of these is tried on its own, and what fails then goes to the error handler
    (`nlp.set_error_handler`), by default one that raises, and is left out if that does not.

    pipe (TrainablePipe): the component. YIELDS (Doc): annotated, in their order.
    """
    for docs in minibatch(stream, size=batch_size):  # type: ignore[no-untyped-call]
        try:
            pipe.set_annotations(docs, pipe.predict(docs))
        except Exception:
            docs = [doc for doc in map(pipe, docs) if doc is not None]
        yield from docs
