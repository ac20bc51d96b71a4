"""Annotation of a stream of docs, of which one may be unfit."""

from collections.abc import Iterable, Iterator

from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc
from spacy.util import minibatch


class AnnotatingPipe(TrainablePipe):  # type: ignore[misc, unused-ignore]
    """spaCy's, but that an error costs the docs that have it, not all of their batch."""

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 128) -> Iterator[Doc]:
        """Annotate docs, in their order. Of a batch that fails each doc is tried on its own; what
        fails then goes to the error handler (`nlp.set_error_handler`), by default one that raises,
        and is left out if that does not."""
        for docs in minibatch(stream, size=batch_size):
            try:
                self.set_annotations(docs, self.predict(docs))
            except Exception:
                docs = [doc for doc in map(self, docs) if doc is not None]
            yield from docs
