"""Lemmatizers as teachers of lemmas: spaCy's of edit trees, by the probabilities of its trees; and
those by rules and tables, by what they say, as if it were certain."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy
from spacy.pipeline import EditTreeLemmatizer
from spacy.tokens import Doc

from ..arrays import Floats1d
from ..codecs.lemma_labels import LemmaLabel, lemma_label, parse_lemma_label
from ..layers.known import stock_layers
from ..models.words import words_of
from ..transfer.beliefs import Belief, LemmaBelief
from .tagger import TaggerSource
from .views import StockSource, View

NO_TREE = 2**32 - 1  # in a stock tree
LIKELY = 9.0  # nats: what is less probable than the best by more is not asked
_N_KEPT = 3  # letters that a form has where a stock tree keeps any number of them
_KEPT = 0xE000  # the first of the letters that are no letters, and so have no case


class EditTreeSource(TaggerSource):
    """spaCy's `EditTreeLemmatizer`. A lemma has the probability of all trees that make it of the
    form, given that a tree applies: those that do not are impossible."""

    stock = EditTreeLemmatizer

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """By what labels a student would do as its trees."""
        labels = (label for tree in self.pipe.labels for label in labels_of_tree(self.pipe, tree))
        return tuple(dict.fromkeys(labels))

    def _believe(self, docs: Sequence[Doc]) -> list[Belief]:
        """Return a belief of each doc's tokens.

        RAISES (ValueError): see `TaggerSource`.
        """
        beliefs: list[Belief] = []
        for doc, rows in zip(docs, self._scores(docs)):
            forms = [token.text for token in doc]
            said = [self._lemmas(form, scores) for form, scores in zip(forms, rows)]
            beliefs.append(LemmaBelief.listed(self.labels, forms, said))
        return beliefs

    def _lemmas(self, form: str, scores: Floats1d) -> Mapping[str, float]:
        """Return the scores of lemmas. scores: (trees,), nats."""
        trees, apply = self.pipe.labels, self.pipe.trees.apply
        best = int(scores.argmax())
        if apply(trees[best], form) is None:
            order = numpy.argsort(-scores).tolist()
            best = next((i for i in order if apply(trees[i], form) is not None), -1)
        lemmas: dict[str, float] = {}
        for i in numpy.flatnonzero(scores > scores[best] - LIKELY).tolist() if best >= 0 else ():
            lemma = apply(trees[i], form)
            if lemma:
                lemmas[lemma] = numpy.logaddexp(lemmas.get(lemma, -numpy.inf), scores[i])
        return lemmas

    def write(self, docs: Sequence[Doc], beliefs: Sequence[Belief]) -> None:
        """See `Source.write`: the likeliest lemma, where the component has that of its likeliest
        tree, and its `backoff`."""
        _write(self.pipe, docs, beliefs, backoff=self.pipe.backoff)


class LemmatizerSource(StockSource):
    """spaCy's `Lemmatizer`, or one that derives from it: its lemma of a word is certain.

    before (Callable): annotates docs with what it reads (tags); without, they must have that.
    """

    def __init__(self, pipe: Any, before: Callable[[list[Doc]], Iterable[Doc]] = iter):
        self.pipe = pipe
        self.before = before

    def views(self) -> dict[str, View]:
        layer = stock_layers(EditTreeLemmatizer)[""].name
        return {"": View((), layer=layer, is_certain=True)}

    def _believe(self, docs: Sequence[Doc]) -> list[Belief]:
        beliefs: list[Belief] = []
        for doc in self.before([doc.copy() for doc in docs]):
            lemmas = [self.pipe.lemmatize(token)[0] for token in doc]
            said = [{lemma: 0.0} if lemma else {} for lemma in lemmas]
            beliefs.append(LemmaBelief.listed((), [token.text for token in doc], said))
        return beliefs

    def write(self, docs: Sequence[Doc], beliefs: Sequence[Belief]) -> None:
        _write(self.pipe, docs, beliefs, backoff=None)


def _write(
    pipe: Any, docs: Sequence[Doc], beliefs: Sequence[Belief], *, backoff: str | None
) -> None:
    """backoff (str | None): the attribute that a word has as its lemma where nothing is said."""
    for doc, belief, words in zip(docs, beliefs, words_of(docs)):
        lemmas = iter(LemmaBelief.of(belief).best_lemmas())
        spaces = set(words.spaces)
        for token in doc:
            lemma = token.text if token.i in spaces else next(lemmas)
            if token.lemma and not pipe.overwrite:
                continue
            if lemma or backoff is None:
                token.lemma_ = lemma
            else:
                token.lemma = getattr(token, backoff)


def labels_of_tree(pipe: Any, tree: int) -> list[str]:
    """Return labels that do as a stock tree, told by a form that it applies to. Where it changes no
    letter's case, these are two: lemmas are in lower case, or have the form's capitals."""
    form = _form_of(pipe, tree, _N_KEPT)
    lemma = pipe.trees.apply(tree, form)
    label = lemma_label(form, lemma) if lemma else None
    if label is None:
        return []
    if form + lemma != (form + lemma).lower():
        return [label]
    return [label, LemmaLabel("form", parse_lemma_label(label).tree).text]


def _form_of(pipe: Any, tree: int, n_kept: int) -> str:
    """Return a form to which a stock tree applies. n_kept (int): letters that are kept between the
    two ends, which are none but these."""
    if tree == NO_TREE:
        return ""
    node = pipe.trees[tree]
    if "orig" in node:
        return str(pipe.vocab.strings[node["orig"]])
    left, right = (
        _form_of(pipe, node[f"{end}_tree"], _inner(pipe, node[f"{end}_tree"], node[f"{end}_len"]))
        for end in ("prefix", "suffix")
    )
    return left + "".join(chr(_KEPT + i) for i in range(n_kept)) + right


def _inner(pipe: Any, tree: int, length: int) -> int:
    """Return how many of `length` letters a tree keeps between its ends."""
    node = {} if tree == NO_TREE else pipe.trees[tree]
    return length - int(node.get("prefix_len", 0)) - int(node.get("suffix_len", 0))
