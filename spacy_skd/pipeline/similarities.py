"""`distilling_similarities`: a student's shared tok2vec learns how alike words are to a teacher's
transformer. The component annotates nothing, and is of training alone."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Any

from spacy.language import Language
from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc
from spacy.training import Example, validate_get_examples
from spacy.vocab import Vocab
from thinc.api import Model, set_dropout_rate

from ..arrays import Floats2d
from ..errors import check_between, check_positive, named
from ..layers.trees import TreeLayer
from ..models.words import word_rows, words_of
from ..shards.hidden import check_hidden
from ..transfer.annealing import finish_step
from ..transfer.similarities import WordStates, similarity_loss
from .learning import LearningPipe

FACTORY = "distilling_similarities"
WITH_STATE, FEW = "words with a hidden state", 0.9  # below which share it is told
LACKING = (
    "the others teach nothing here: text that was annotated without --hidden, docs that are not "
    "stored, or words of which the teacher's tokenizer makes no piece"
)
DEFAULTS = {"weight": 10.0, "window": 32, "arc_weight": 1.0}
MODEL = {"@architectures": "spacy.Tok2VecListener.v1", "width": 96, "upstream": "*"}


@Language.factory(FACTORY, default_config={"model": MODEL, **DEFAULTS})
def make_distilling_similarities(
    nlp: Language,
    name: str,
    model: Model[list[Doc], list[Floats2d]],
    weight: float,
    window: int,
    arc_weight: float,
) -> "SimilarityPipe":
    """Construct a component that lets the shared tok2vec learn the similarities of the teacher's
    hidden states, which its store has (`spacy skd annotate --hidden`).

    Students are saved without it (`spacy-skd.drop_teacher.v1`).
    model (Model): a listener to the tok2vec; (tokens, width) a doc.
    weight (float): above 0, by which the loss is multiplied.
    window (int): words that are at most so far apart are compared; 0 for all of a doc.
    arc_weight (float): at least 0, how much the pairs that share an arc of a tree count beside
        these: of gold, else of what the teacher believes.
    RAISES (ValueError): for a setting that is out of range.
    """
    with named(name):
        return SimilarityPipe(
            nlp.vocab,
            model,
            name,
            weight=check_positive("weight", weight),
            window=int(check_between("window", window, low=0, high=10**6)),
            arc_weight=check_between("arc_weight", arc_weight, low=0, high=10**6),
        )


class SimilarityPipe(TrainablePipe):  # type: ignore[misc, unused-ignore]
    """See `make_distilling_similarities`. It has no weights.

    cfg (dict[str, Any]): how many examples were "seen", in how many steps.
    known (int): words so far of which the teacher's transformer said something. words (int): of
        how many.
    """

    is_of_training = True
    cfg: dict[str, Any]

    def __init__(
        self,
        vocab: Vocab,
        model: Model[Any, Any],
        name: str,
        *,
        weight: float,
        window: int,
        arc_weight: float,
    ):
        self.vocab, self.model, self.name = vocab, model, name
        self.weight, self.window, self.arc_weight = weight, window, arc_weight
        self.cfg = {"step": 0, "seen": 0}
        self.known = self.words = 0
        self._teacher: Any | None = None
        self._is_checked = False

    def set_teacher(self, teacher: Any | None) -> None:
        """Link a teacher; the teacher component calls it when the pipeline is linked."""
        self._teacher, self._is_checked = teacher, False

    # A pipe that changes nothing

    def __call__(self, doc: Doc) -> Doc:
        return doc

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 128) -> Iterator[Doc]:
        yield from stream

    def predict(self, docs: Iterable[Doc]) -> None:
        """Predict nothing."""

    def set_annotations(self, docs: Iterable[Doc], scores: Any) -> None:
        """Write nothing."""

    # Learning

    def initialize(
        self, get_examples: Callable[[], Iterable[Example]], *, nlp: Language | None = None
    ) -> None:
        """Check that there is something to learn. RAISES (ValueError): if the pipeline has no
        teacher, or its store no hidden states."""
        validate_get_examples(get_examples, f"{type(self).__name__}.initialize")
        self._check()

    def _check(self) -> None:
        if self._teacher is None:
            raise ValueError(
                f"{self.name}: the pipeline has no teacher. Add a component with factory "
                f"'skd_teacher' before {self.name!r} (and to training.frozen_components), whose "
                f"store has hidden states, or remove {self.name!r}: it is of training alone"
            )
        check_hidden(self._teacher.stores, name=self.name)
        self._is_checked = True

    # The loss that is added is `weight` times that of `similarity_loss`.
    update = LearningPipe.update
    finish_update = finish_step

    def n_learnt(self, docs: Sequence[Doc]) -> int:
        return sum(map(len, words_of(docs)))

    def learn_examples(self, examples: Sequence[Example], *, n: int, drop: float) -> float:
        """See `Learner`. RAISES (ValueError): see `initialize`; if the loss is not finite."""
        if not self._is_checked:
            self._check()
        set_dropout_rate(self.model, drop)
        vectors, backprop = self.model.begin_update([eg.predicted for eg in examples])
        loss, d_vectors = self.get_loss(examples, vectors)
        backprop(d_vectors)  # also if it is 0: the tok2vec waits for its last listener
        return loss

    def get_loss(
        self, examples: Iterable[Example], scores: Sequence[Floats2d]
    ) -> tuple[float, list[Floats2d]]:
        """Return the loss, and its gradient at the vectors.

        scores (Sequence[Floats2d]): (tokens, width) of each predicted doc.
        RAISES (ValueError): if the loss is not finite.
        """
        examples = list(examples)
        words = words_of([eg.predicted for eg in examples])
        rows, to_tokens = word_rows(self.model.ops, words, scores)
        ends = [0, *accumulate(map(len, words))]
        states = self._states(examples)
        self.words += ends[-1]
        self.known += sum(int(of.columns.any(axis=1).sum()) for of in states if of is not None)
        loss, gradients = similarity_loss(
            [rows[start:end] for start, end in zip(ends, ends[1:])],
            states,
            window=self.window,
            arc_weight=self.arc_weight,
        )
        if not 0 <= loss < float("inf"):
            raise ValueError(
                f"{self.name}: the loss is {loss}, so training diverged; lower the learning rate "
                f"or clip gradients (training.optimizer.grad_clip)"
            )
        d_rows = self.model.ops.xp.concatenate(gradients) * self.weight
        return self.weight * loss, to_tokens(d_rows.astype(rows.dtype))

    def _states(self, examples: Sequence[Example]) -> list[WordStates | None]:
        """Return what is stored of each example; the arcs of gold where it has any."""
        teacher: Any = self._teacher
        trees, gold = self.arc_weight > 0, TreeLayer()
        of_teacher: list[WordStates | None] = teacher.states(examples, trees=trees)
        return [
            replace(of, heads=gold.gold(eg, labels=())[0])
            if of is not None and trees and gold.is_annotated(eg.reference)
            else of
            for eg, of in zip(examples, of_teacher)
        ]


def hidden_rows(nlp: Language) -> Iterator[tuple[str, str, str, str]]:
    """Yield of each such component its name, what is told of it, its value so far, and what to do
    if that is low: of how many words something was known."""
    for name, pipe in nlp.pipeline:
        if isinstance(pipe, SimilarityPipe):
            share = pipe.known / max(1, pipe.words)
            yield name, WITH_STATE, f"{100 * share:.1f} %", "" if share >= FEW else LACKING
