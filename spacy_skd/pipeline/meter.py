"""What a component tells of its training: nats of gold and of the teacher apart, how far the
student is from the teacher, and what is lost between the two."""

from dataclasses import dataclass, field

from ..arrays import Floats1d


@dataclass
class Mean:
    """Of what was added, by weight. value (float | None): None if nothing counts."""

    total: float = 0.0
    weight: float = 0.0

    def add(self, total: float, weight: float) -> None:
        """Add values that are summed already, each times its weight; the sum of the weights."""
        self.total += total
        self.weight += weight

    @property
    def value(self) -> float | None:
        return self.total / self.weight if self.weight > 0 else None


@dataclass
class Meter:
    """Sums since it was made, of one component. They cost a product of scores and target, so that a
    component has a meter only where somebody reads it.

    gold, teacher (Mean): nats a word (of categories, a doc) of their losses, each unit by the share
        with which it counts.
    divergence (Mean): likewise, the teacher's loss less the entropy of what it believes, which is
        KL(teacher || student); of batches in which that is known: not at another temperature than
        1, nor of the targets "token" and "position", nor where a chain or a tree is learnt of which
        the marginals alone are known.
    lost (Mean): the share of the teacher's probability that lies on what the student cannot
        express, 0 to 1.
    units_each (int): units that one word, or doc, is cut into.
    """

    units_each: int = 1
    gold: Mean = field(default_factory=Mean)
    teacher: Mean = field(default_factory=Mean)
    divergence: Mean = field(default_factory=Mean)
    lost: Mean = field(default_factory=Mean)

    def add_gold(self, loss: float, *, words: float) -> None:
        """See `Nats.add_gold`."""
        self.gold.add(loss, words / self.units_each)

    def add_teacher(self, loss: float, *, words: float, entropy: float | None) -> None:
        """See `Nats.add_teacher`."""
        self.teacher.add(loss, words / self.units_each)
        if entropy is not None:
            self.divergence.add(loss - entropy, words / self.units_each)

    def add_lost(self, lost: Floats1d, weights: Floats1d | None) -> None:
        """See `LostMass.add`."""
        if weights is None:
            self.lost.add(float(lost.sum()), len(lost))
        else:
            self.lost.add(float((lost * weights).sum()), float(weights.sum()))
