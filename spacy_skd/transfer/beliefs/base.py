"""What every belief has, and what a student's target needs of it.

A belief holds scores, not marginals, so that temperature and conditioning stay exact. It is of the
words of one doc (codecs/words.py). A component that scores all tokens, or a store of such scores,
is read by `of_words`: as if the teacher had ruled out that whitespace is part of a structure.

Stored as plain bytes (`pack`, `Form.unpack`). Scores are float16 *below the best of their row* (a
token's labels, a token's heads): a constant per token is in every structure, and float16 is finest
at 0, where probability is. All possible arcs are kept, so trees are exact; so are tags of spans,
whose legal sequences may need improbable tags. Of independent labels (tags, deprels given the arc)
those of a probability below `least` may be left out: they unpack as `IMPOSSIBLE`, so what is left
is the teacher given that they do not occur, a proper distribution. At a temperature T it is about
least^(1 / T) that is left out.
"""

from abc import ABC, abstractmethod
from collections.abc import Container, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy
from thinc.api import Ops

from ...arrays import Floats2d, Ints1d, Ints2d
from ...codecs.bioes import TypedSpan, decode_spans
from ...codecs.words import Words
from ...structures import Parts, Structure
from ..draws import DrawnTrees
from ..next_tags import NextTags
from ..posterior import Posterior, Target
from ..students import HeadTagStudent, LemmaStudent, SpanStudent, Student, TagStudent
from .form import KINDS, Form, Packed

if TYPE_CHECKING:
    from typing_extensions import Self

    from .mixture import Mixture
    from .tree_teacher import TreeTeacher

SPANS = "spans (tags O, B-..., ..., or segments)"
TREES = "dependency trees"
CATEGORIES = "categories of docs"
# Below this marginal an arc's deprel is not part of the target: its share of the loss is at most
# this, and the scores of deprels are most of a belief's bytes.
LABEL_FLOOR = 0.1


class Belief(ABC):
    """What a teacher believes of the words of one doc.

    kind (str): under which it is stored, and registered; none of what is not stored.
    annotates (str): what a teacher of it annotates, for errors. of_trees, of_spans (bool): whether
        that is heads and deprels, or spans whatever the labels are.
    scored (type): of what structures its scores are, which a form is checked for.
    labels (tuple[str, ...]): the teacher's inventory. is_known (bool): whether anything is said of
        the doc. importance (float): by how much its loss is multiplied; 0 if nothing is said of it.
    """

    kind: ClassVar[str]
    scored: ClassVar[type] = object
    annotates: ClassVar[str] = "tokens"
    of_trees: ClassVar[bool] = False
    of_spans: ClassVar[bool] = False
    labels: tuple[str, ...]
    is_known: bool = True
    importance: float = 1.0

    def __init_subclass__(cls, **settings: Any):
        super().__init_subclass__(**settings)
        if "kind" in vars(cls):
            KINDS[cls.kind] = cls

    @classmethod
    def of(cls, belief: "Belief") -> "Self":
        """Return a component's own belief, as one of this class. RAISES (ValueError): if it is
        another."""
        if isinstance(belief, cls):
            return belief
        raise ValueError(f"expected a {cls.__name__}, got a {type(belief).__name__}")

    @property
    @abstractmethod
    def nbytes(self) -> int:
        """Bytes of its arrays."""

    @property
    @abstractmethod
    def n_tokens(self) -> int:
        """Words of the doc."""

    @property
    def members(self) -> tuple["Belief", ...]:
        """The beliefs of the teachers: of one, itself."""
        return (self,)

    def spelled(self) -> tuple[str, ...]:
        """Return the words themselves, of a belief of lemmas. RAISES (ValueError): of something
        else."""
        raise ValueError(f"expected a teacher of lemmas, got one that annotates {self.annotates}")

    @abstractmethod
    def of_words(self, words: Words) -> "Belief":
        """Return the same of a doc's words, if this is of its tokens."""

    def without_overlap(self) -> "Belief":
        """Return the same given that no spans overlap, of what says how likely sets of spans are
        that do."""
        return self

    # Stored

    @property
    @abstractmethod
    def form(self) -> Form:
        """What it shares with the component's other beliefs; of a doc with a word or more."""

    @abstractmethod
    def pack(self, *, least: float) -> Packed:
        """Return the rest as bytes.

        least (float): the probability below which an independent label, or a span, is left out; 0
            keeps all.
        """

    @classmethod
    @abstractmethod
    def unpack(cls, packed: Packed, form: Form) -> "Belief":
        """Return the belief of a doc, see `Form.unpack`."""

    @classmethod
    def merged(cls, mixtures: "Sequence[Mixture]") -> "list[Belief]":
        """Return one belief of this kind for each of some docs of which several teachers believe
        something, the first a belief of this kind: that which is nearest to their mixture.

        RAISES (ValueError): if there is no such belief, of this kind or of what the others believe.
        """
        raise ValueError(f"expected beliefs that can be mixed into one, got a {cls.__name__}")

    def entropy(self) -> float:
        """Return how uncertain it is of the doc, nats. RAISES (ValueError): of several teachers."""
        raise ValueError("expected the belief of one teacher, got those of several")

    def of_each_word(self) -> Floats2d:
        """Return (words, K) float32 probabilities of what each word is, whatever others are: of its
        labels; of trees that its head is ROOT, to the left, to the right, and of its deprels.

        K is the same for all docs of a component: 0 of beliefs that say nothing of single words.
        """
        return numpy.zeros((self.n_tokens, 0), dtype="float32")

    # Best guesses and draws

    @abstractmethod
    def best(self, *, k: int) -> "Belief":
        """Return the k best as candidates of equal weight: the targets Top-1 and Top-K of Wang et
        al. (2021), section 4. Labellings, of tags of spans legal ones; of trees the k best of each
        sentence, single-rooted whatever the teacher's structure is, each arc with its best deprel.

        k (int): at least 1.
        """

    def draw_labels(
        self,
        *,
        rng: numpy.random.Generator,
        temperature: float = 1.0,
        known: Container[str] | None = None,
    ) -> list[str]:
        """Return a label for each word, drawn. Tags of spans form a legal sequence.

        temperature (float): divides the scores. known (Container[str] | None): the labels that can
            be learnt, of independent ones: the draw is given that each is one of them.
        RETURNS (list[str]): "" for a word of which the teacher holds no known label possible.
        RAISES (ValueError): if it is of something else.
        """
        raise ValueError(f"expected labels of tokens, got {self.annotates}")

    def draw_spans(
        self, *, rng: numpy.random.Generator, temperature: float = 1.0
    ) -> list[TypedSpan]:
        """Draw spans, which overlap as the teacher's do. RAISES (ValueError): if it is of something
        else."""
        return decode_spans(self.draw_labels(rng=rng, temperature=temperature))

    def draw_trees(
        self, *, rng: numpy.random.Generator, temperature: float = 1.0, projective: bool = False
    ) -> DrawnTrees:
        """Draw heads and deprels, each sentence on its own: of scores, a single-rooted tree and
        deprels given its arcs; of candidates, one of those whose arcs stay in the sentence.

        projective (bool): of scores, draw given that no arcs cross.
        RAISES (ValueError): if it is of something else.
        """
        raise ValueError("expected trees, got labels of tokens")

    def draw_categories(
        self, *, rng: numpy.random.Generator, temperature: float = 1.0
    ) -> dict[str, float]:
        """Return 1 for each label of the doc that is drawn, 0 for the others. RAISES (ValueError):
        if it is of something else."""
        raise ValueError(f"expected {CATEGORIES}, got {self.annotates}")

    # As a teacher; `beliefs` are those of one teacher, of the docs of a batch

    def sentences(self) -> Ints2d | None:
        """Return (U, 2) start and end word of each sentence; None where it has none."""
        return None

    def likeliest_heads(self) -> Ints1d | None:
        """Return (words,) head word of each, -1 for ROOT: each's likeliest or that of the best
        trees, whichever is at hand; None of what has no trees."""
        return None

    @classmethod
    def target_of_tokens(cls, beliefs: Sequence["Self"], student: Student) -> Target:
        """Return the target of a student of independent labels: each word is a unit.

        RAISES (ValueError): if the teacher says something else.
        """
        raise student.refusal("token labels", annotates=cls.annotates)

    @classmethod
    def target_of_lemmas(cls, beliefs: Sequence["Self"], student: LemmaStudent) -> Target:
        """Return the target of a student of lemmas, over `student.options`: each word is a unit.
        RAISES (ValueError): see above."""
        raise student.refusal("lemmas", annotates=cls.annotates)

    @classmethod
    def target_of_spans(cls, beliefs: Sequence["Self"], student: SpanStudent) -> Target:
        """Return the target of a student of spans: each doc is a unit. RAISES (ValueError): see
        above."""
        raise student.refusal(SPANS, annotates="something else")

    @classmethod
    def next_tags(cls, beliefs: Sequence["Self"], student: TagStudent) -> list[NextTags]:
        """Return what is said of each doc's tags of spans, word by word; of docs of a word or more.
        RAISES (ValueError): see above."""
        raise student.refusal(SPANS, annotates="something else")

    @classmethod
    def span_posterior(cls, beliefs: Sequence["Self"], ops: Ops) -> Posterior:
        """Return the distributions over spans: each doc is a unit. RAISES (ValueError): see
        above."""
        raise ValueError(f"expected a belief of spans, got a {cls.__name__}")

    @classmethod
    def target_of_head_tags(cls, beliefs: Sequence["Self"], student: HeadTagStudent) -> Target:
        """Return the target of a student of tags that name heads: each word is a unit. NumPy
        arrays.

        RAISES (ValueError): see above.
        """
        raise student.refusal(TREES, annotates=cls.annotates)

    @classmethod
    def target_of_docs(cls, beliefs: Sequence["Self"], student: Student) -> Target:
        """Return the target of a student of labels of docs: each doc is a unit, or each of its
        labels if they are independent. RAISES (ValueError): see above."""
        raise student.refusal(CATEGORIES, annotates=cls.annotates)

    @classmethod
    def tree_teachers(
        cls, beliefs: Sequence["Self"], offsets: Ints1d, student: Student
    ) -> "list[TreeTeacher]":
        """Return what each teacher says of the trees of a batch. offsets (Ints1d): first row of
        each doc.

        RAISES (ValueError): see above.
        """
        raise student.refusal(TREES, annotates=cls.annotates)


class ParseBelief(Belief):
    """Of the dependency trees of a doc's sentences.

    units (Ints2d): (U, 2) start and end word of each sentence; the teacher's own where the doc
        came without.
    """

    annotates: ClassVar[str] = "trees"
    of_trees: ClassVar[bool] = True
    units: Ints2d

    def sentences(self) -> Ints2d:
        return self.units

    def draw_spans(
        self, *, rng: numpy.random.Generator, temperature: float = 1.0
    ) -> list[TypedSpan]:
        raise ValueError("expected tags of spans, got trees")


def k_best(structure: Structure, scores: Parts, k: int) -> tuple[Floats2d, list[Parts]]:
    """Do as `Structure.k_best`; of one structure its score is not needed, and argmax is faster."""
    if k > 1:
        return structure.k_best(scores, k=k)
    return numpy.zeros((scores.n_units, 1)), [structure.argmax(scores)]
