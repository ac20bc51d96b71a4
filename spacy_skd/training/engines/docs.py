"""Docs as part of jobs and results."""

from collections.abc import Sequence
from typing import Any

from spacy.tokens import Doc
from spacy.vocab import Vocab


class Docs:
    """Docs that can be pickled: each is sent as spaCy's own processes do, but without `tensor`. In
    the process that has them they are as they were."""

    def __init__(self, docs: Sequence[Doc]):
        self._docs = list(docs)

    def of(self, vocab: Vocab) -> list[Doc]:
        """Return the docs. vocab (Vocab): that they have here."""
        return self._docs

    def __reduce__(self) -> tuple[Any, ...]:
        try:
            return _Sent, ([doc.to_bytes(exclude=["tensor"]) for doc in self._docs],)
        except (TypeError, ValueError, OverflowError, NotImplementedError) as error:
            raise ValueError(
                f"docs cannot be sent from one process to another, since what a component keeps in "
                f"them is more than msgpack can hold ({error}): give --workers 1"
            ) from error


class _Sent(Docs):
    """See `Docs`; data (list[bytes]): of each."""

    def __init__(self, data: list[bytes]):
        self._data = data

    def of(self, vocab: Vocab) -> list[Doc]:
        return [Doc(vocab).from_bytes(data) for data in self._data]

    def __reduce__(self) -> tuple[Any, ...]:
        return _Sent, (self._data,)
