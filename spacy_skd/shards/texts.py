"""Which texts an annotated folder has, and how they are cut into tokens."""

import hashlib
from collections.abc import Iterator, Sequence

from spacy.attrs import ORTH
from spacy.strings import StringStore
from spacy.tokens import Doc, DocBin

from .store import BeliefStore


class Texts:
    """Of a store's unlabelled docs, whose tokens are those of its teacher.

    store (BeliefStore): read once, when the first text is looked for.
    """

    def __init__(self, store: BeliefStore):
        self.store = store
        self._tokens: dict[bytes, bytes] | None = None  # digests, by those of texts

    def check(self, doc: Doc, *, name: str) -> None:
        """Check a doc whose belief is not in the store. name (str): of the component that asks.
        RAISES (ValueError): if the store has its text, in other tokens."""
        words = [token.text for token in doc]
        known = self._known(doc)
        if known is not None and known != _digest(words):
            raise ValueError(
                f"{name}: {self.store.folder} has the text {doc.text[:60]!r} in other tokens than "
                f"the store that it is read from, where they are {words[:12]}. Stores of one "
                f"student must agree on tokens: annotate again with teachers of the same tokenizer"
            )

    def has(self, doc: Doc) -> bool:
        """Tell whether a doc is one of them: its tokens are the teacher's, not those of gold."""
        return self._known(doc) == _digest([token.text for token in doc])

    def _known(self, doc: Doc) -> bytes | None:
        if self._tokens is None:
            self._tokens = dict(self._read())
        return self._tokens.get(_digest([doc.text]))

    def _read(self) -> Iterator[tuple[bytes, bytes]]:
        for name in self.store.names(labelled=False):
            for words, spaces in _docs(self.store.read(name)):
                text = "".join(w + " " * space for w, space in zip(words, spaces))
                yield _digest([text]), _digest(words)


def _docs(bin_: DocBin) -> Iterator[tuple[list[str], list[bool]]]:
    """Yield words of each doc, and whether a space follows them."""
    strings, column = StringStore(bin_.strings), bin_.attrs.index(ORTH)
    for tokens, spaces in zip(bin_.tokens, bin_.spaces):
        words = [strings[word] for word in tokens[:, column].tolist()]
        yield words, spaces.ravel().tolist()


def _digest(texts: Sequence[str]) -> bytes:
    return hashlib.blake2b("\0".join(texts).encode("utf8"), digest_size=8).digest()
