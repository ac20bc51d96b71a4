"""Several teachers of the same layers as one that annotates: their beliefs become one, of which the
docs have the best guess."""

import hashlib
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

import numpy
from spacy.language import Language
from spacy.tokens import Doc

from ...arrays import Array
from ...codecs.words import Words
from ...errors import check_positive
from ...layers.base import Drawing, Layer
from ...layers.known import find_layer
from ...teachers.embedding import Embedder
from ...teachers.overlap import batches_by_length
from ...teachers.runner import Beliefs, Out, TeacherRunner, starts_of
from ...teachers.views import View
from ...transfer.beliefs import Belief, Mixture
from ...transfer.beliefs.merging import merge

ONE_SPACE = (
    "hidden: expected one teacher, got {}, whose hidden states are of different spaces: leave "
    "--hidden out, or annotate with one alone"
)


class EnsembleRunner:
    """Is asked as a `TeacherRunner`, of the first teacher's components.

    members (Sequence[TeacherRunner]): the teachers. weights (Sequence[float]): of each, above 0;
        the same of all if there are none.
    RAISES (ValueError): if there are other weights than teachers.
    """

    def __init__(self, members: Sequence[TeacherRunner], weights: Sequence[float] = ()):
        if weights and (len(weights) != len(members) or len(members) == 1):
            raise ValueError(
                f"weights: expected one of each of several teachers, got {len(weights)} of "
                f"{len(members)}"
            )
        self.members = list(members)
        given = weights or [1.0] * len(members)
        self.weights = tuple(check_positive("weights", weight) for weight in given)
        check_positive("the sum of weights", sum(self.weights))

    @property
    def nlp(self) -> Language:
        """The first teacher's pipeline, whose tokens are annotated."""
        return self.members[0].nlp

    @property
    def pipes(self) -> tuple[str, ...]:
        return self.members[0].pipes

    def view(self, pipe: str) -> View:
        return self.members[0].view(pipe)

    def about(self) -> dict[str, Any]:
        """See `TeacherRunner.about`. Of the first, and of all with their weights, which together
        have one fingerprint."""
        rows = [{**member.about(), "weight": weight} for member, weight in self._weighted()]
        content = "".join(f"{row['fingerprint']} {row['weight']}\n" for row in rows)
        whole = hashlib.blake2b(content.encode("utf8"), digest_size=16).hexdigest()
        return {**self.members[0].about(), "fingerprint": whole, "members": rows}

    def _weighted(self) -> Iterable[tuple[TeacherRunner, float]]:
        total = sum(self.weights)
        return zip(self.members, (weight / total for weight in self.weights))

    def pipe_of(self, member: TeacherRunner, pipe: str) -> str:
        """Return the component of a teacher for one of the first's: its namesake of the same layer,
        or the only one of that layer. RAISES (ValueError): if there is none."""
        layer = self.view(pipe).annotates
        same = [other for other in member.pipes if member.view(other).annotates == layer]
        if pipe in same or len(same) == 1:
            return pipe if pipe in same else same[0]
        has = ", ".join(f"{other} ({member.view(other).annotates})" for other in member.pipes)
        found = f"several: {', '.join(same)}" if same else "none"
        raise ValueError(
            f"the teacher {member.nlp.path} of the ensemble has no component for {pipe!r}, of the "
            f"layer {layer!r}, which the first teacher has: expected one of that name or layer, "
            f"found {found}; it has {has or 'none that can teach'}. Leave {pipe!r} out by --pipes, "
            f"or this teacher"
        )

    def run(
        self,
        docs: Sequence[Doc],
        *,
        starts: Sequence[Array | None],
        pipes: Iterable[str],
    ) -> list[Beliefs]:
        """See `TeacherRunner.run`. Where no starts are given, they are those of the first teacher's
        trees, for all."""
        pipes = list(pipes)
        names = [{pipe: self.pipe_of(member, pipe) for pipe in pipes} for member in self.members]
        columns: list[list[Beliefs]] = []
        for member, own in zip(self.members, names):
            found = member.run(docs, starts=starts, pipes=own.values())
            starts = [starts_of(*row) for row in zip(docs, found, starts)]
            columns.append([{pipe: each[own[pipe]] for pipe in pipes} for each in found])
        results: list[Beliefs] = [{} for _ in docs]
        for places in batches_by_length([len(doc) for doc in docs], size=self._size):
            for pipe in pipes:
                rows = [tuple(column[i][pipe] for column in columns) for i in places]
                for i, belief in zip(places, self._merged(pipe, rows)):
                    results[i][pipe] = belief
        return results

    @property
    def _size(self) -> int:
        return self.members[0].batch_words

    def _merged(self, pipe: str, rows: Sequence[tuple[Belief, ...]]) -> list[Belief]:
        """Return one belief a doc. rows: of each doc, those of the teachers."""
        worded = [i for i, row in enumerate(rows) if row[0].n_tokens]
        try:
            merged = merge([Mixture(rows[i], self.weights) for i in worded]) if worded else []
        except ValueError as error:
            raise ValueError(f"the ensemble's {pipe!r}: {error}") from error
        found = dict(zip(worded, merged))
        return [found[i] if i in found else self._without_words(pipe) for i in range(len(rows))]

    def _without_words(self, pipe: str) -> Belief:
        """Return the belief of a doc of whitespace alone."""
        (beliefs,) = self.run([Doc(self.nlp.vocab, ["a"])], starts=[None], pipes=[pipe])
        return beliefs[pipe].of_words(Words(1, numpy.ones(1)))

    def read_each(
        self,
        docs: Sequence[Doc],
        read: Callable[[int, Doc, Beliefs], Out],
        *,
        starts: Sequence[Array | None],
        pipes: Iterable[str],
        also: Collection[str] = (),
        embedder: Embedder | None = None,
    ) -> list[Out]:
        """See `TeacherRunner.read_each`; in this thread. The guess is the best of the one belief,
        not what another component makes of it, so that there is none `also`, and no vectors.

        RAISES (ValueError): if there is.
        """
        if embedder is not None:
            raise ValueError(ONE_SPACE.format(len(self.members)))
        if also:
            raise ValueError(f"retrain: expected one teacher, got {len(self.members)}: {[*also]}")
        pipes = list(pipes)
        layers, results = self._writers(pipes), []
        # A pipeline that knows no labels takes all.
        how = Drawing(numpy.random.default_rng(0), 1.0, False, Language(self.nlp.vocab))
        for i, beliefs in enumerate(self.run(docs, starts=starts, pipes=pipes)):
            copy = self.members[0].copy_of(docs[i], starts[i])
            for pipe, layer in layers.items():
                if beliefs[pipe].n_tokens:
                    layer.draw(copy, beliefs[pipe].best(k=1), how)
            results.append(read(i, copy, beliefs))
        return results

    def _writers(self, pipes: Sequence[str]) -> dict[str, Layer]:
        """Return the layers of components, the first of those that write the same. Sentences are
        those of the trees, if there are any."""
        layers = {pipe: find_layer(self.view(pipe).annotates) for pipe in pipes}
        has_trees = any(layer.needs_sentences for layer in layers.values())
        chosen: dict[str, Layer] = {}
        for pipe, layer in layers.items():
            taken = {what for other in chosen.values() for what in other.writes}
            if not taken.intersection(layer.writes) and not (has_trees and layer.sets_sentences):
                chosen[pipe] = layer
        return chosen
