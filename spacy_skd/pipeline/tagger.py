"""`distilling_tagger`: token annotation that learns from gold and from a teacher's marginals."""

from itertools import islice
from typing import Callable, Iterable, List, Optional, Sequence, Tuple, Union

import numpy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.vocab import Vocab
from thinc.api import Config, Model
from thinc.types import Floats2d, Ints1d

from ..codecs.tags import encode_tags, split_by_lengths
from ..codecs.trees import Gold, gold_tokens
from ..structures import IndependentLabels, Parts
from ..transfer.annealing import WeightSchedule
from ..transfer.belief import Belief, TokenBelief
from ..transfer.convert import Posterior, convert
from ..transfer.loss import mixed_loss
from .distilling import DistillingPipe
from .layers import Layer, make_layer
from .span_layers import SPAN_LAYERS, make_span_layer
from .spans import DistillingSpanTagger

DEFAULT_TAGGER_MODEL = """
[model]
@architectures = "spacy-skd.TokenScorer.v1"

[model.tok2vec]
@architectures = "spacy-skd.Tok2Vec.v1"

[model.tok2vec.embed]
@architectures = "spacy.MultiHashEmbed.v2"
width = 96
attrs = ["NORM", "PREFIX", "SUFFIX", "SHAPE"]
rows = [5000, 1000, 2500, 2500]
include_static_vectors = false

[model.tok2vec.encode]
@architectures = "spacy-skd.ContextEncoder.v1"
width = 96
"""


@Language.factory(
    "distilling_tagger",
    assigns=[
        "token.tag",
        "token.pos",
        "token.morph",
        "token.is_sent_start",
        "doc.ents",
        "token.ent_iob",
        "token.ent_type",
    ],
    default_config={
        "model": Config().from_str(DEFAULT_TAGGER_MODEL)["model"],
        "layer": "tag",
        "distill_weight": 0.0,
        "temperature": 1.0,
        "overwrite": False,
        "max_length": 150,
        "threshold": 0.5,
        "structure": None,
        "scheme": "BIOES",
        "spans_key": "sc",
        "scorer": None,
    },
    default_score_weights={
        "tag_acc": 0.2,
        "pos_acc": 0.2,
        "morph_acc": 0.1,
        "morph_per_feat": None,
        "sents_f": 0.1,
        "ents_f": 0.4,
        "ents_p": 0.0,
        "ents_r": 0.0,
        "ents_per_type": None,
    },
)
def make_distilling_tagger(
    nlp: Language,
    name: str,
    model: Model[List[Doc], Floats2d],
    layer: str,
    distill_weight: Union[float, WeightSchedule],
    temperature: float,
    overwrite: bool,
    max_length: int,
    threshold: float,
    structure: Optional[str],
    scheme: str,
    spans_key: str,
    scorer: Optional[Callable],
) -> Union["DistillingTagger", DistillingSpanTagger]:
    """Construct a distilling tagger.

    model (Model[List[Doc], Floats2d]): docs to scores of labels, (tokens of the batch, labels).
    layer (str): what it annotates: "tag", "pos", "morph", "sent", "ents" (`doc.ents`) or "spans"
        (a group of `doc.spans`).
    distill_weight (Union[float, WeightSchedule]): the teacher's share of the loss of a token that
        has gold, 0 to 1; 0 trains on gold alone. A token without gold has share 1.
    temperature (float): T > 0 of the distillation loss, on both sides.
    overwrite (bool): whether to replace annotation that is there already.
    max_length (int): layer "sent" alone: the most tokens of a sentence, 0 for no limit.
    threshold (float): layer "sent" alone: a token starts a sentence if its probability of that is
        higher.
    structure (Optional[str]): what the loss is over: "tokens" (independent labels), or, for ents
        and spans, "linear_chain" (sequences of tags; their default, with the model
        `spacy-skd.ChainScorer.v1`).
    scheme (str): tags of ents and spans, "BIOES" or "BIO".
    spans_key (str): layer "spans" alone: the group.
    scorer (Optional[Callable]): spaCy's score of the layer by default.
    RAISES (ValueError): for a layer, scheme or structure that does not exist or does not fit.
    """
    if layer in SPAN_LAYERS:
        return DistillingSpanTagger(
            nlp.vocab,
            model,
            name,
            layer=make_span_layer(layer, spans_key=spans_key),
            structure=structure or "linear_chain",
            scheme=scheme,
            distill_weight=distill_weight,
            temperature=temperature,
            overwrite=overwrite,
            scorer=scorer,
        )
    if structure not in (None, "tokens"):
        raise ValueError(f"structure: layer {layer!r} has 'tokens' alone, got {structure!r}")
    return DistillingTagger(
        nlp.vocab,
        model,
        name,
        layer=make_layer(layer, max_length=max_length, threshold=threshold),
        distill_weight=distill_weight,
        temperature=temperature,
        overwrite=overwrite,
        scorer=scorer,
    )


class DistillingTagger(DistillingPipe):
    """Independent labels of tokens (tags, coarse tags, sentence starts)."""

    def __init__(
        self,
        vocab: Vocab,
        model: Model[List[Doc], Floats2d],
        name: str = "distilling_tagger",
        *,
        layer: Layer,
        distill_weight: Union[float, WeightSchedule] = 0.0,
        temperature: float = 1.0,
        overwrite: bool = False,
        scorer: Optional[Callable] = None,
    ):
        super().__init__(
            vocab,
            model,
            name,
            structure=IndependentLabels(),
            distill_weight=distill_weight,
            temperature=temperature,
            scorer=scorer or layer.score,
        )
        self.layer = layer
        self.overwrite = overwrite
        self.cfg["labels"] = list(layer.fixed_labels or ())

    def add_label(self, label: str) -> int:
        """See `DistillingPipe.add_label`; layer "sent" has fixed labels."""
        if self.layer.fixed_labels is not None:
            raise ValueError(f"{self.name}: layer {self.layer.name!r} has fixed labels")
        self.layer.check([label])
        return super().add_label(label)

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Optional[Language] = None,
        labels: Optional[Iterable[str]] = None,
    ) -> None:
        """Set the labels (given, else the teacher's, else those of the examples) and the sizes.

        RAISES (ValueError): if there are no labels, or none that the teacher has.
        """
        found = self.layer.fixed_labels or self._initial_labels(get_examples, labels)
        self.layer.check(found)
        self._set_labels(found, nlp=nlp)
        docs = [eg.predicted for eg in islice(get_examples(), 10)]
        y = self.model.ops.alloc2f(1, len(self.labels))
        self.model.initialize(X=docs, Y=y)

    def predict(self, docs: Iterable[Doc]) -> List[Ints1d]:
        """RETURNS (List[Ints1d]): the index of each token's label, one array a doc.

        RAISES (ValueError): if a score is NaN.
        """
        ops = self.model.ops
        return [self.layer.choose(ops.to_numpy(scores)) for scores in self._doc_scores(docs)]

    def set_annotations(self, docs: Iterable[Doc], batch_ids: Sequence[Ints1d]) -> None:
        """Write predictions into the docs' layer."""
        values: "numpy.ndarray" = numpy.zeros(0, dtype="uint64")
        for i, doc in enumerate(docs):
            if i == 0:
                table = [self.layer.value(doc, label) for label in self.labels]
                values = numpy.asarray(table, dtype="uint64")
            self.layer.write(doc, values[batch_ids[i]], overwrite=self.overwrite)

    def believe(self, docs: Sequence[Doc]) -> List[Belief]:
        """As a teacher: the scores of every token. Does not change the docs."""
        ops = self.model.ops
        return [
            TokenBelief(self.structure, self.labels, ops.to_numpy(scores))
            for scores in self._doc_scores(docs)
        ]

    def write_beliefs(self, docs: Sequence[Doc], beliefs: Sequence[Belief]) -> None:
        """See `DistillingPipe.write_beliefs`."""
        best = [self.layer.choose(self._token_belief(belief).scores) for belief in beliefs]
        self.set_annotations(docs, best)

    def get_loss(self, examples: Iterable[Example], scores: Floats2d) -> Tuple[float, Floats2d]:
        """Mean loss of a token in nats, and its gradient at the scores.

        scores (Floats2d): (tokens of the batch, labels).
        """
        examples = list(examples)
        parts = self._as_parts(scores)
        loss, d_parts = mixed_loss(
            self.structure,
            parts,
            gold=self._gold(examples),
            teacher=self._teacher_target(examples),
            weight=self.weight,
            temperature=self.temperature,
        )
        n = max(1, len(scores))
        return self._check_loss(loss / n), d_parts.arrays["unary"][:, 0] / n

    def _learn(self, examples: Sequence[Example]) -> float:
        scores, backprop = self.model.begin_update([eg.predicted for eg in examples])
        loss, d_scores = self.get_loss(examples, scores)
        backprop(d_scores)
        return loss

    def _teacher_target(self, examples: Sequence[Example]) -> Optional[Parts]:
        beliefs = self._beliefs(examples)
        if beliefs is None:
            return None
        scores = numpy.concatenate([self._token_belief(belief).scores for belief in beliefs])
        posterior = Posterior(
            self._token_belief(beliefs[0]).structure,
            self._as_parts(self.model.ops.asarray(scores)),
        )
        match = self._label_match(beliefs[0].labels)
        target = convert(posterior, self.structure, match=match, temperature=self.temperature)
        return target.marginals

    def _token_belief(self, belief: Belief) -> TokenBelief:
        if not isinstance(belief, TokenBelief):
            raise ValueError(
                f"{self.name}: expected a teacher of token labels, but its component "
                f"{self._teacher_pipe_name()!r} annotates trees; set student_to_teacher"
            )
        return belief

    def _gold(self, examples: Sequence[Example]) -> Gold:
        tags: List[Optional[str]] = []
        for eg in examples:
            tags.extend(self.layer.gold(eg))
        indicators, known = encode_tags(tags, self.labels)
        return gold_tokens(self._parts(indicators), known)

    def _has_gold(self, eg: Example) -> bool:
        return all(self.layer.gold(eg))

    def _labels_in(self, examples: Iterable[Example]) -> List[str]:
        return sorted({tag for eg in examples for tag in self.layer.gold(eg) if tag})

    def _as_parts(self, scores: Floats2d) -> Parts:
        return Parts({"unary": scores[:, None]}, self.model.ops.xp.ones(len(scores), dtype="int64"))

    def _doc_scores(self, docs: Iterable[Doc]) -> List[Floats2d]:
        docs = list(docs)
        lengths = [len(doc) for doc in docs]
        if not sum(lengths):
            return [self.model.ops.alloc2f(0, len(self.labels)) for _ in docs]
        scores = self.model.predict(docs)
        if self.model.ops.xp.isnan(scores).any():
            raise ValueError(f"{self.name}: the model's scores are NaN; its weights are damaged")
        return split_by_lengths(scores, lengths)
