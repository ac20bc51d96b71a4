"""How far the probabilities of predictions are true: calibration, and right told from wrong.

Everywhere `confidences` are (n,), the probability of each prediction that it is right, and `right`
(n,) says which are. What cannot be said of no predictions, or of predictions that are all right, is
NaN. Predictions of the same probability count alike: each is as right as they are on average, so
that nothing depends on the order of the predictions.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy

from ..arrays import Array, Bools, Floats1d, Ints1d
from ..errors import check_between

BINS = 15
MANY = 200 * BINS
DRAWS = 200
COVERAGES = (0.8, 0.9, 0.95)
TOLERANCE = 1e-3  # of probabilities that were rounded, as float16 does
# A probability of 0 or 1 is taken as that far from it, by the NLL alone: half the step of float32.
LEAST = 2.0**-25


class Bin(NamedTuple):
    """A bar of a reliability diagram.

    low, high (float): the least and the greatest of its probabilities. n (int): of predictions.
    confidence (float): the mean of its probabilities. accuracy (float): the share that is right.
    """

    low: float
    high: float
    n: int
    confidence: float
    accuracy: float


class PrecisionRecall(NamedTuple):
    """Of the predictions from a threshold on, the share that is right, NaN of none; of all that
    there was to find, the share that they found."""

    precision: float
    recall: float


@dataclass(frozen=True)
class Reliability:
    """What `measure` measures. Shares are 0 to 1, the NLL is in nats.

    accuracy_at (dict[float, float]): by coverage.
    """

    n: int
    accuracy: float
    confidence: float
    ece: float
    excess_ece: float
    brier: float
    nll: float
    auroc: float
    accuracy_at: dict[float, float]

    def to_json(self) -> dict[str, Any]:
        """Return the numbers by name, those of coverages by `accuracy_at_80`, None for NaN."""
        numbers = asdict(self)
        at = numbers.pop("accuracy_at")
        numbers |= {f"accuracy_at_{100 * share:g}": value for share, value in at.items()}
        return {name: None if math.isnan(value) else value for name, value in numbers.items()}


def measure(confidences: Array, right: Array, *, seed: int = 0) -> Reliability:
    """Return all measures of predictions.

    RAISES (ValueError): see `check_predictions`.
    """
    confidences, right = check_predictions(confidences, right)
    return Reliability(
        n=len(right),
        accuracy=_mean(right),
        confidence=_mean(confidences),
        ece=calibration_error(confidences, right),
        excess_ece=excess_calibration_error(confidences, right, seed=seed),
        brier=brier_score(confidences, right),
        nll=negative_log_likelihood(confidences, right),
        auroc=auroc(confidences, right),
        accuracy_at={c: accuracy_at(confidences, right, coverage=c) for c in COVERAGES},
    )


def check_predictions(confidences: Array, right: Array) -> tuple[Floats1d, Bools]:
    """Return the probabilities, (n,) float64 from 0 to 1, and what is right, (n,).

    RAISES (ValueError): if there are not as many of both, or if one of the former is no probability
        (NaN, or more than `TOLERANCE` outside 0 to 1).
    """
    confidences, right = numpy.asarray(confidences, "float64"), numpy.asarray(right)
    if confidences.ndim != 1 or right.shape != confidences.shape:
        raise ValueError(
            "confidences and right: expected one of each for each prediction, got the shapes "
            f"{confidences.shape} and {right.shape}"
        )
    valid = (confidences >= -TOLERANCE) & (confidences <= 1 + TOLERANCE)
    if not valid.all():
        raise ValueError(
            f"confidences: expected probabilities from 0 to 1, got {confidences[~valid][0]:g}"
        )
    return confidences.clip(0, 1), right.astype(bool)


def calibration_error(confidences: Array, right: Array, *, n_bins: int = BINS) -> float:
    """Return the expected calibration error,

    sum over bins b of (n_b / n) |accuracy(b) - confidence(b)|,

    over bins of equal mass: of predictions ranked by probability, each bin has as many as the next,
    or one more (Naeini et al. 2015, section 3; of equal mass: Nguyen and O'Connor 2015, section 3).
    Of fewer predictions than bins each has its own.
    """
    confidences, right = check_predictions(confidences, right)
    if not len(right):
        return math.nan
    ranked = _Ranked.of(confidences)
    return float(ranked.error(ranked.sums(right)[None], n_bins=n_bins)[0])


def excess_calibration_error(
    confidences: Array, right: Array, *, n_bins: int = BINS, n_draws: int = DRAWS, seed: int = 0
) -> float:
    """Return the expected calibration error less what a perfect model of that size would show: the
    mean over draws of right and wrong from the probabilities themselves (consistency resampling,
    Bröcker and Smith 2007, section 3). It may be below 0."""
    confidences, right = check_predictions(confidences, right)
    if not len(right):
        return math.nan
    ranked = _Ranked.of(confidences)
    rng = numpy.random.default_rng(seed)
    draws = (rng.binomial(ranked.sizes, ranked.values)[None] for _ in range(n_draws))  # one by one
    perfect = sum(float(ranked.error(drawn, n_bins=n_bins)[0]) for drawn in draws) / n_draws
    return calibration_error(confidences, right, n_bins=n_bins) - perfect


def diagram(confidences: Array, right: Array, *, n_bins: int = BINS) -> list[Bin]:
    """Return the bins of `calibration_error`, the least probable first."""
    confidences, right = check_predictions(confidences, right)
    if not len(right):
        return []
    ranked = _Ranked.of(confidences)
    edges = _edges(len(right), n_bins)
    accuracies = ranked.bin_sums(ranked.sums(right)[None], edges)[0] / numpy.diff(edges)
    return [
        Bin(float(of_bin[0]), float(of_bin[-1]), len(of_bin), _mean(of_bin), float(accuracy))
        for of_bin, accuracy in zip(numpy.split(numpy.sort(confidences), edges[1:-1]), accuracies)
    ]


def brier_score(confidences: Array, right: Array) -> float:
    """Return the mean of (p - r)^2, r being 1 for what is right, else 0 (Brier 1950)."""
    confidences, right = check_predictions(confidences, right)
    return _mean((confidences - right) ** 2)


def square_distance(confidences: Array, right: Array) -> float:
    """Return the sum over the bins of a diagram of n (mean p - mean r)^2, the part of the Brier
    score that is calibration (Murphy 1973); of fewer than `MANY` predictions, of which a bin says
    little, the sum of (p - r)^2, whose expectation is least at the same temperature."""
    if len(right) < MANY:
        return square_error(confidences, right)
    bars = diagram(confidences, right)
    return sum(bar.n * (bar.confidence - bar.accuracy) ** 2 for bar in bars)


def square_error(confidences: Array, right: Array) -> float:
    """Return the sum of (p - r)^2."""
    return len(right) * brier_score(confidences, right)


def negative_log_likelihood(confidences: Array, right: Array) -> float:
    """Return the mean in nats of -log p of what is right and -log(1 - p) of what is wrong, p being
    no nearer to 0 and 1 than `LEAST`."""
    confidences, right = check_predictions(confidences, right)
    confidences = confidences.clip(LEAST, 1 - LEAST)
    return _mean(-numpy.log(numpy.where(right, confidences, 1 - confidences)))


def auroc(confidences: Array, right: Array) -> float:
    """Return the chance that something right has a higher probability than something wrong, equal
    ones counting half: the area under the ROC curve (Hanley and McNeil 1982)."""
    confidences, right = check_predictions(confidences, right)
    n_right = int(right.sum())
    n_wrong = len(right) - n_right
    if not n_right or not n_wrong:
        return math.nan
    ranked = _Ranked.of(confidences)
    wins = ranked.sums(right)
    losses = ranked.sizes - wins
    below = losses.cumsum() - losses / 2  # wrong ones below each probability, and half of its own
    return float(wins @ below) / (n_right * n_wrong)


def accuracy_at(confidences: Array, right: Array, *, coverage: float) -> float:
    """Return the share that is right of the most probable predictions, `coverage` of all, rounded
    up (selective accuracy, El-Yaniv and Wiener 2010).

    RAISES (ValueError): if `coverage` is not from 0 to 1.
    """
    check_between("coverage", coverage, low=0, high=1)
    confidences, right = check_predictions(confidences, right)
    n_covered = math.ceil(round(coverage * len(right), 6))
    if not n_covered:
        return math.nan
    ranked = _Ranked.of(confidences)
    edges = numpy.asarray([0, len(right) - n_covered, len(right)])
    return float(ranked.bin_sums(ranked.sums(right)[None], edges)[0, -1]) / n_covered


def precision_recall(
    confidences: Array, right: Array, *, threshold: float, n_gold: int | None = None
) -> PrecisionRecall:
    """Return precision and recall of the predictions with a probability of `threshold` or more.

    n_gold (int | None): what there was to find; by default what all predictions found, so that the
        recall is relative to that without a threshold.
    """
    confidences, right = check_predictions(confidences, right)
    kept = right[confidences >= threshold]
    found = int(kept.sum())
    total = int(right.sum()) if n_gold is None else n_gold
    return PrecisionRecall(_mean(kept), found / total if total else math.nan)


def lowest_threshold(confidences: Array, right: Array, *, precision: float) -> float | None:
    """Return the lowest probability from which on predictions have a precision, and so the one of
    highest recall. It is one of the predictions'; None if none reaches it.

    RAISES (ValueError): if `precision` is not from 0 to 1.
    """
    check_between("precision", precision, low=0, high=1)
    confidences, right = check_predictions(confidences, right)
    ranked = _Ranked.of(confidences)
    kept, found = (each[::-1].cumsum()[::-1] for each in (ranked.sizes, ranked.sums(right)))
    reached = numpy.flatnonzero(found >= precision * kept - 1e-9)
    return float(ranked.values[reached[0]]) if len(reached) else None


class _Ranked(NamedTuple):
    """Predictions by their probability, lowest first.

    values: (v,) the probabilities that there are. sizes: (v,) how many predictions have each.
    places: (n,) of each prediction, its probability among the values.
    """

    values: Floats1d
    sizes: Ints1d
    places: Ints1d

    @classmethod
    def of(cls, confidences: Floats1d) -> "_Ranked":
        values, places, sizes = numpy.unique(confidences, return_inverse=True, return_counts=True)
        return cls(values, sizes, places)

    def sums(self, right: Array) -> Array:
        """(v,) how many predictions of each probability are right."""
        counted: Array = numpy.bincount(self.places, weights=right, minlength=len(self.values))
        return counted

    def bin_sums(self, of_values: Array, edges: Ints1d) -> Array:
        """Sum over predictions edges[b] to edges[b + 1] in the order of their probabilities, each
        with an equal share of its probability's sum.

        of_values: (draws, v). RETURNS: (draws, bins).
        """
        ends = self.sizes.cumsum()
        cumulated = numpy.concatenate([numpy.zeros((len(of_values), 1)), of_values], axis=1)
        cumulated = cumulated.cumsum(axis=1)
        place = numpy.searchsorted(ends, edges, side="right").clip(max=len(ends) - 1)
        share = (edges - (ends - self.sizes)[place]) / self.sizes[place]
        at_edges = cumulated[:, place] + share * of_values[:, place]
        return numpy.diff(at_edges, axis=1)

    def error(self, n_right: Array, *, n_bins: int) -> Floats1d:
        """`calibration_error` of draws. n_right: (draws, v). RETURNS: (draws,)."""
        n = int(self.sizes.sum())
        edges = _edges(n, n_bins)
        expected = self.bin_sums((self.sizes * self.values)[None], edges)
        errors: Floats1d = abs(self.bin_sums(n_right, edges) - expected).sum(axis=1) / n
        return errors


def _edges(n: int, n_bins: int) -> Ints1d:
    """(bins + 1,) of n predictions in bins of equal mass, none empty."""
    n_bins = min(n_bins, n)
    return numpy.asarray([round(n * i / n_bins) for i in range(n_bins + 1)])


def _mean(values: Array | Sequence[float]) -> float:
    return float(numpy.mean(values)) if len(values) else math.nan
