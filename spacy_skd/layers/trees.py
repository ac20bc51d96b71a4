"""Dependency trees: heads and deprels of tokens, and the sentences that they span."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import numpy
from spacy.attrs import DEP, HEAD, SENT_START
from spacy.pipeline import DependencyParser
from spacy.pipeline.dep_parser import parser_score
from spacy.tokens import Doc, Token
from spacy.training import Example

from ..arrays import Array, Bools, Floats1d, Ints1d
from ..codecs.units import ROOT_HEAD, UNKNOWN_HEAD, split_by_lengths
from ..codecs.words import SPACE_DEPREL
from ..errors import named
from ..models.words import one_of_each_vocab, words_of
from ..transfer.beliefs import Belief
from ..transfer.draws import DrawnTrees
from .base import TRANSITIONS, Block, Drawing, Layer, register
from .confidences import chances_told
from .facts import Fact
from .said import Annotation, LayerReader
from .said.trees import HEAD as HEAD_KEY
from .said.trees import TreeReader
from .tokens import SentLayer

PUNCTUATION = ("p", "punct")  # which spaCy's scores of arcs leave out


@register("parser")
class TreeLayer(Layer):
    """A tree for each sentence, `token.head` and `token.dep`; with it, sentence starts: each unit
    of the trees is a sentence."""

    name = "parser"
    order = 5
    family = "trees"
    factory = "distilling_parser"
    architecture = "spacy-skd.BiaffineParser.v1"
    assigns = ("token.dep", "token.head")
    stock_factory = "parser"
    answers: ClassVar[Mapping[type, str]] = {DependencyParser: ""}
    is_basic = True
    needs_sentences = True
    lacking = "no trees"
    token_confidence = "head_confidence"
    displacy = "dep"
    lengths = "arc length"

    @property
    def writes(self) -> tuple[str, ...]:
        return (self.name, SentLayer.name)

    @property
    def score_weights(self) -> dict[str, float]:
        return {"dep_uas": 0.2, "dep_las": 0.3}

    @property
    def default_weights(self) -> Mapping[str, float | None]:
        return {"dep_uas": 0.5, "dep_las": 0.5, "dep_las_per_type": None}

    @property
    def columns(self) -> dict[str, str]:
        return {"dep_uas": "UAS", "dep_las": "LAS"}

    def component(self, model: Block) -> Block:
        return {"factory": self.factory, "distill_weight": 0.7, "model": model}

    def is_made_by(self, block: Block) -> bool:
        factory = block.get("factory")
        is_transitions = factory == TRANSITIONS and block["layer"] == self.name
        return is_transitions or factory in (self.factory, self.stock_factory)

    def score(self, examples: Iterable[Example], **kwargs: Any) -> dict[str, Any]:
        scores: dict[str, Any] = parser_score(examples, **kwargs)
        return scores

    def is_annotated(self, doc: Doc) -> bool:
        return bool(doc.has_annotation(DEP))

    def has_labels(self, doc: Doc) -> bool:
        return any(token.has_head() and token.dep_ for token in doc)

    def labels(self, doc: Doc) -> Iterable[str]:
        """Return the deprels of a doc's words."""
        return (token.dep_ for token in doc if token.dep and not token.is_space)

    def is_complete(self, doc: Doc) -> bool:
        """Tell whether a doc has words, and each of them a deprel."""
        words = [token for token in doc if not token.is_space]
        return bool(words) and all(token.dep for token in words)

    def readers(self, annotation: Annotation) -> list[LayerReader[Any]]:
        return [TreeReader(self)] if annotation.has_token_key(HEAD_KEY) else []

    # Facts

    def annotation_in(self, doc: Doc, start: int, end: int) -> Any:
        return [(token.head.i, token.dep_) for token in doc[start:end]]

    def claims(self, doc: Doc, start: int, annotation: Any) -> list[str]:
        return [
            f"{token.text}: {deprel} of {'ROOT' if head == token.i else doc[head].text}"
            for token, (head, deprel) in zip(doc[start:], annotation)
            if not token.is_space
        ]

    def facts(self, doc: Doc) -> dict[str, list[Fact]]:
        """See `Layer.facts`: arcs, without and with their deprels; as spaCy's scores, without
        punctuation."""
        labelled = [f for f in self.decisions(doc) if f.label.lower() not in PUNCTUATION]
        heads = [fact._replace(claim=_head_of(fact)) for fact in labelled]
        return dict(zip(self.columns.values(), (heads, labelled)))

    def decisions(self, doc: Doc) -> list[Fact]:
        """See `Layer.decisions`: all arcs with their deprels."""
        return [
            Fact((t.idx, t.idx + len(t)), (t.i, t.i + 1), (t.head.idx, t.dep_.lower()),
                 label=t.dep_, text=t.text, head=t.head.i)
            for t in doc
            if t.dep and not t.is_space
        ]  # fmt: skip

    def unknown(self, doc: Doc) -> Bools:
        nothing: Bools = doc.to_array([DEP]).reshape(-1) == 0
        return nothing

    # Gold

    def gold(self, eg: Example, *, labels: Sequence[str]) -> tuple[Ints1d, Ints1d]:
        """Return head word (`ROOT_HEAD`, `UNKNOWN_HEAD`) and index of the deprel (-1 unknown) of
        each word of the predicted doc, both (words,). labels (Sequence[str]): the deprels."""
        (words,) = words_of([eg.predicted])
        if not eg.reference.has_annotation("DEP"):
            return no_arcs(len(words))
        index = {label: i for i, label in enumerate(labels)}
        same = [t.text for t in eg.predicted] == [t.text for t in eg.reference]
        arcs = _arcs_of_tokens(eg.reference, index) if same else _aligned_arcs(eg, index)
        return words.heads_of_tokens(*arcs)

    # Writing

    def write(
        self,
        docs: Sequence[Doc],
        best: Sequence[tuple[Ints1d, Ints1d]],
        *,
        labels: Sequence[str],
    ) -> None:
        """Annotate docs.

        best: per doc the offset of each word's head, 0 for a root, and the index of its deprel.
        labels (Sequence[str]): the deprels.
        """
        for doc, rows in zip(docs, self.rows(docs, best, labels=labels)):
            if len(doc):
                doc.from_array([HEAD, DEP], rows)

    def rows(
        self,
        docs: Sequence[Doc],
        best: Sequence[tuple[Ints1d, Ints1d]],
        *,
        labels: Sequence[str],
    ) -> list[Array]:
        """Return per doc, (tokens, 2) uint64, HEAD and DEP as docs have them. See `write`."""
        if not docs or not best:
            return []
        for doc in one_of_each_vocab(docs):
            ids = [doc.vocab.strings.add(name) for name in (*labels, SPACE_DEPREL)]
        table = numpy.asarray(ids, dtype="uint64")
        on_tokens = [
            each if len(each[0]) == len(doc) else _on_tokens(doc, each, space=len(labels))
            for doc, each in zip(docs, best)
        ]
        heads, deprels = (numpy.concatenate(arrays) for arrays in zip(*on_tokens))
        values = numpy.stack([heads.astype("int64").view("uint64"), table[deprels]], axis=1)
        return split_by_lengths(values, [len(doc) for doc in docs])

    # Confidences

    def chances_of_starts(self, doc: Doc) -> Floats1d | None:
        """Return (words,) the probability that each starts a sentence, by the component that says
        so, if it keeps its confidences; NaN of one that is set otherwise now, also by whitespace
        before it; None of all."""
        starts = doc.to_array([SENT_START]).reshape(-1, 1)
        told = chances_told(doc, SentLayer.name, annotated=starts)
        if told is None:
            return None
        (words,) = words_of([doc])
        is_start, told = words.of_tokens(starts[:, 0] == 1), words.of_tokens(told)
        chances: Floats1d = numpy.where(is_start, told, 1 - told)
        chances[words.starts_of_tokens(starts[:, 0] == 1) != is_start] = numpy.nan
        return chances

    @classmethod
    def annotation_of(cls, token: Token) -> tuple[int, ...]:
        return (token.head.i - token.i) % 2**64, token.dep

    def row_to_json(self, doc: Doc, place: int, row: Sequence[int]) -> Block:
        head, label = (place + row[0]) % 2**64, str(doc.vocab.strings[row[1]])
        return {"start": place, "end": place + 1, "head": head, "label": label}

    def row_of_json(self, doc: Doc, entry: Block) -> tuple[int, ...]:
        offset = int(entry["head"]) - int(entry["start"])
        return offset % 2**64, int(doc.vocab.strings.add(entry["label"]))

    def draw(self, doc: Doc, belief: Belief, how: Drawing) -> None:
        if not len(doc):
            return
        with named(f"layer {self.name!r}"):
            drawn = belief.draw_trees(
                rng=how.rng, temperature=how.temperature, projective=how.projective
            )
        self.write_drawn(doc, drawn)

    def write_drawn(self, doc: Doc, drawn: DrawnTrees) -> None:
        """Annotate a doc of a word or more with trees."""
        labels = sorted(set(drawn.deprels))
        index = {label: i for i, label in enumerate(labels)}
        deprels = numpy.asarray([index[label] for label in drawn.deprels], dtype="int64")
        offsets = drawn.heads - numpy.arange(len(drawn.heads))
        self.write([doc], [(offsets, deprels)], labels=labels)


def _head_of(fact: Fact) -> int:
    """Of an arc's claim, the head."""
    claim: Any = fact.claim
    return int(claim[0])


def no_arcs(n: int) -> tuple[Ints1d, Ints1d]:
    """Return `TreeLayer.gold` of n words without annotation."""
    return numpy.full(n, UNKNOWN_HEAD), numpy.full(n, -1)


def _aligned_arcs(eg: Example, index: Mapping[str, int]) -> tuple[Ints1d, Ints1d]:
    """(tokens,) both, of the predicted doc."""
    aligned: Any = eg
    aligned_heads, aligned_deps = aligned.get_aligned_parse(projectivize=False)
    heads, deps = no_arcs(len(eg.predicted))
    for i, (head, dep) in enumerate(zip(aligned_heads, aligned_deps)):
        if dep and head is not None:
            heads[i] = ROOT_HEAD if head == i else head
            deps[i] = index.get(dep, -1)
    return heads, deps


def _arcs_of_tokens(doc: Doc, index: Mapping[str, int]) -> tuple[Ints1d, Ints1d]:
    array = doc.to_array([HEAD, DEP])
    offset = array[:, 0].astype("int64")
    known = array[:, 1] != 0
    heads = numpy.where(offset == 0, ROOT_HEAD, numpy.arange(len(doc)) + offset)
    strings = doc.vocab.strings
    names = {h: index.get(strings[h], -1) if h else -1 for h in set(array[:, 1].tolist())}
    deps = numpy.asarray([names[h] for h in array[:, 1].tolist()], dtype="int64")
    return numpy.where(known, heads, UNKNOWN_HEAD), deps


def _on_tokens(doc: Doc, best: tuple[Ints1d, Ints1d], space: int) -> tuple[Ints1d, Ints1d]:
    """Offsets of heads and deprels of a doc's words to those of its tokens. space (int): the deprel
    of whitespace."""
    offsets, deprels = best
    (words,) = words_of([doc])
    return words.heads_to_tokens(offsets), words.to_tokens(deprels, fill=space)
