"""Dependency trees, and the sentences that they span."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy
from spacy.tokens import Doc

from ...arrays import Array, Floats1d
from ...codecs.units import ROOT_HEAD
from ...models.words import START_LABELS, units_from_starts
from ...transfer.beliefs import Belief, TreeCandidates
from .annotation import Annotation, as_list
from .reader import LayerReader
from .tokens import TokenReader

if TYPE_CHECKING:
    from ..token_layer import TokenLayer
    from ..trees import TreeLayer

SENTS, HEAD, DEPREL = "sents", "head", "dep"


class Trees(NamedTuple):
    """Of the words of a doc: heads (list[int]): words, `ROOT_HEAD` for a root. deprels (list[str]):
    "" for unknown. roots (list[int]): of each word the root above it."""

    heads: list[int]
    deprels: list[str]
    roots: list[int]

    @property
    def starts(self) -> list[bool]:
        """Of each word, whether a sentence starts: the root is another than the word's before."""
        roots = self.roots
        return [i == 0 or root != roots[i - 1] for i, root in enumerate(roots)]


def read_trees(annotation: Annotation) -> Trees | None:
    """Return the trees, None if a word is no token, or hangs on what is no word.

    RAISES (ValueError): if heads are no tokens, or form a circle.
    """
    heads, deprels = [-2] * annotation.n_words, [""] * annotation.n_words
    names = annotation.of_words(DEPREL)
    for i, (token, word) in enumerate(zip(annotation.tokens, annotation.token_words)):
        if word < 0:
            continue
        head = _head_of(token, n=len(annotation.tokens))
        at = annotation.token_words[head]
        if at < 0:
            return None
        heads[word] = ROOT_HEAD if head == i else at
        deprels[word] = names[word]
    if -2 in heads or not heads:
        return None
    return Trees(heads, deprels, [_root(heads, word) for word in range(len(heads))])


def _head_of(token: Mapping[str, object], *, n: int) -> int:
    head = token.get(HEAD)
    if type(head) is not int or not 0 <= head < n:
        raise ValueError(
            f"tokens: expected a {HEAD!r} of each, the number of a token from 0 to {n - 1} (its "
            f"own for a root), got {token!r}"
        )
    return head


def _root(heads: Sequence[int], word: int) -> int:
    above = word
    for _ in heads:
        if heads[above] == ROOT_HEAD:
            return above
        above = heads[above]
    raise ValueError(f"tokens: expected heads that lead to a root, got a circle at word {word}")


class TreeReader(LayerReader[Trees]):
    """Heads and deprels of tokens. Sentences are those that all analyses of a text have: a tree
    that splits one is none that can be learnt."""

    token_keys = (HEAD, DEPREL)

    def __init__(self, of: "TreeLayer"):
        super().__init__(of)
        self.tree_layer = of

    def read(self, annotation: Annotation) -> Trees | None:
        return read_trees(annotation)

    def labels_of(self, analysis: Trees, forms: Sequence[str]) -> Iterable[str]:
        return filter(None, analysis.deprels)

    def belief(self, forms: Sequence[str], analyses: Sequence[Trees], weights: Floats1d) -> Belief:
        index = {label: i for i, label in enumerate(self.labels)}
        starts: Array = numpy.logical_and.reduce([trees.starts for trees in analyses])
        units = units_from_starts(starts)
        heads = numpy.asarray([trees.heads for trees in analyses], dtype="int32")
        deprels = [[index.get(name, -1) for name in trees.deprels] for trees in analyses]
        shares = numpy.tile(weights, (len(units), 1))
        return TreeCandidates(
            self.labels, units, heads, numpy.asarray(deprels, dtype="int32"), shares
        )

    def write(self, doc: Doc, analysis: Trees) -> None:
        inventory = (*self.labels, "")
        index = {label: i for i, label in enumerate(inventory)}
        own = numpy.arange(len(analysis.heads))
        heads = numpy.asarray(analysis.heads)
        offsets = numpy.where(heads == ROOT_HEAD, 0, heads - own)
        deprels = numpy.asarray([index[name] for name in analysis.deprels])
        self.tree_layer.write([doc], [(offsets, deprels)], labels=inventory)


class SentenceReader(TokenReader):
    """Sentence starts, of "sents", else of the trees."""

    top_keys = ("tokens", SENTS)

    def __init__(self, of: "TokenLayer"):
        super().__init__(of, HEAD)

    def read(self, annotation: Annotation) -> list[str] | None:
        inside, first = START_LABELS
        if SENTS not in annotation.data:
            trees = read_trees(annotation)
            return None if trees is None else [(inside, first)[start] for start in trees.starts]
        labels = [inside] * annotation.n_words
        for sentence in as_list(annotation.data[SENTS], SENTS):
            start, end = annotation.chars(sentence, SENTS)
            if not annotation.text[start:end].strip():
                continue
            word, _ = annotation.words_at(start, end)
            if word is None:
                annotation.tally.misaligned += 1
            else:
                labels[word] = first
        labels[:1] = [first] * bool(labels)
        trees = read_trees(annotation) if annotation.has_token_key(HEAD) else None
        if trees is not None and [label == first for label in labels] != trees.starts:
            raise ValueError(f"{SENTS}: expected the sentences of the heads, got others: give one")
        return labels
