"""Sentences of a treebank -> whole documents -> spaCy Docs."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, groupby
from typing import Any

from spacy.tokens import Doc
from spacy.vocab import Vocab

from .multiwords import set_multiwords
from .sentence import Sentence


def group_documents(sentences: Iterable[Sentence]) -> Iterator[list[Sentence]]:
    """Yield what stands under each `# newdoc`; a file without any is one document."""
    for _, group in groupby(sentences, key=lambda sentence: sentence.document):
        yield list(group)


def split_documents(
    sentences: Iterable[Sentence], *, sentences_per_doc: int, max_words: int = 0
) -> Iterator[list[Sentence]]:
    """Yield the documents of a file, long ones in pieces of consecutive sentences.

    A document of more than `sentences_per_doc` sentences is cut into the fewest even pieces that
    respect it (11 sentences at 10 a piece: 5 + 6). A piece of more than `max_words` words (0: no
    limit) is halved until it fits or is a single sentence. Sentences with trees and without share
    no piece. Raises ValueError for settings out of range.
    """
    if sentences_per_doc < 1:
        raise ValueError(f"expected sentences_per_doc >= 1, found {sentences_per_doc}")
    if max_words < 0:
        raise ValueError(f"expected max_words >= 0 (0: no limit), found {max_words}")
    for document in group_documents(sentences):
        n_pieces = -(-len(document) // sentences_per_doc)
        for piece in _even_pieces(document, n_pieces=n_pieces):
            for half in _halve(piece, max_words=max_words):
                yield from _alike(half)


def make_doc(
    vocab: Vocab, sentences: Sequence[Sentence], *, with_morphs: bool, with_entities: bool
) -> Doc:
    """Make one Doc of these sentences, every annotation of the treebank set.

    Missing values stay missing. The root's deprel is "ROOT", spaCy's name for it. Where the text
    has other tokens than the treebank, they are in the user data (multiwords.py).
    sentences: with trees all of them or none, see `split_documents`.
    with_morphs: some word of the file has FEATS, so a word without any has no features;
    otherwise the features are missing.
    with_entities: some word of the file has an entity's tag, so a word without one is outside
    every entity ("O"); otherwise entities are missing.
    """
    has_trees = any(sentence.has_tree for sentence in sentences)
    firsts = [0, *accumulate(len(sentence.words) for sentence in sentences)]
    doc = Doc(
        vocab,
        words=[word for sentence in sentences for word in sentence.words],
        spaces=[space for sentence in sentences for space in sentence.spaces],
        lemmas=_column([sentence.lemmas for sentence in sentences]),
        pos=_column([sentence.pos for sentence in sentences]),
        tags=_column([sentence.tags for sentence in sentences]),
        morphs=[morph for s in sentences for morph in s.morphs] if with_morphs else None,
        ents=[_iob(tag) for s in sentences for tag in s.entities] if with_entities else None,
        **(_trees(sentences, firsts) if has_trees else _starts(sentences)),
    )
    set_multiwords(doc, [m.moved(i) for i, s in zip(firsts, sentences) for m in s.multiwords])
    return doc


def _trees(sentences: Sequence[Sentence], firsts: Sequence[int]) -> dict[str, Any]:
    heads = [
        None if head is None else first + head
        for first, sentence in zip(firsts, sentences)
        for head in sentence.heads
    ]
    deps = ["ROOT" if dep == "root" else dep for s in sentences for dep in s.deps]
    return {"heads": heads, "deps": deps}


def _starts(sentences: Sequence[Sentence]) -> dict[str, Any]:
    return {"sent_starts": [i == 0 for s in sentences for i in range(len(s.words))]}


def _column(columns: Sequence[list[str]]) -> list[str] | None:
    joined = [value for column in columns for value in column]
    return joined if any(joined) else None


def _iob(tag: str | None) -> str:
    tag = tag or "O"
    return {"L": "I", "U": "B"}.get(tag[0], tag[0]) + tag[1:]


def _even_pieces(document: list[Sentence], *, n_pieces: int) -> Iterator[list[Sentence]]:
    bounds = [len(document) * i // n_pieces for i in range(n_pieces + 1)]
    for start, end in zip(bounds, bounds[1:]):
        yield document[start:end]


def _alike(piece: list[Sentence]) -> Iterator[list[Sentence]]:
    """Make sentences alike: spaCy takes those of a Doc from its trees, where it has any."""
    for _, run in groupby(piece, key=lambda sentence: sentence.has_tree):
        yield list(run)


def _halve(piece: list[Sentence], *, max_words: int) -> Iterator[list[Sentence]]:
    n_words = sum(len(sentence.words) for sentence in piece)
    if not max_words or n_words <= max_words or len(piece) == 1:
        yield piece
        return
    middle = (len(piece) + 1) // 2
    yield from _halve(piece[:middle], max_words=max_words)
    yield from _halve(piece[middle:], max_words=max_words)
