"""What the shards of an annotated folder depend on."""

from dataclasses import dataclass

from ...errors import check_between
from ...teachers.beam import Beam


@dataclass(frozen=True)
class Settings:
    """What a shard depends on, beside its records and the teacher.

    pipes: the teacher's components (or views) to ask, () for all. least: probability below which
    an independent label is left out, 0 keeps all (transfer/store.py). batch_words: padded words of
    a batch. shard_words: a shard ends with the record that reaches as many (words between spaces).
    max_words: longer texts are cut into pieces of at most as many tokens, 0 for no limit.
    beam_width, beam_density: of stock parsers and entity recognizers (teachers/beam.py).
    retrain: components that a student trains anew: they annotate the docs, too, and labelled docs
    carry the teacher's guess beside their gold.
    hidden: columns of one byte of the transformer's hidden state of each word, 0 for none
    (teachers/projection.py).
    """

    pipes: tuple[str, ...] = ()
    least: float = 0.0
    batch_words: int = 1000
    shard_words: int = 20_000
    max_words: int = 300
    beam_width: int = 16
    beam_density: float = 0.0
    retrain: tuple[str, ...] = ()
    hidden: int = 0

    def __post_init__(self) -> None:
        check_between("least", self.least, low=0, high=0.1)
        check_between("batch_words", self.batch_words, low=1, high=10**6)
        check_between("shard_words", self.shard_words, low=1, high=10**8)
        check_between("max_words", self.max_words, low=0, high=10**6)
        check_between("hidden", self.hidden, low=0, high=10**5)
        Beam(self.beam_width, self.beam_density)  # which checks them
