"""Runs a trained teacher pipeline over docs and collects what its components believe."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.ty import ListenedToComponent
from thinc.api import Model

from ..arrays import Array
from ..models.prediction.word_table import forget_words
from ..models.words import words_of
from ..transfer.beliefs import Belief
from .beam import Beam
from .embedding import Embedder
from .fingerprint import about_pipeline
from .merging import mergers
from .overlap import batches_by_length, in_turn, n_cores, overlapped
from .sources import find_sources
from .views import Source, View

Beliefs = dict[str, Belief]
Out = TypeVar("Out")


class _Batch(NamedTuple):
    """Docs on which some components have run, which of all docs they are, beliefs of each, and the
    vectors of their tokens, if these are wanted."""

    places: list[int]
    docs: list[Doc]
    beliefs: list[Beliefs]
    vectors: Sequence[Any] = ()


class TeacherRunner:
    """A frozen pipeline that is asked for beliefs.

    nlp (Language): the teacher. What it can be asked: `pipes`.
    batch_words (int): padded words of a batch; docs of similar length share one.
    beam (Beam | None): of stock parsers and entity recognizers, `Beam()` if not given.
    outside (Mapping[str, Source] | None): what else is asked, by name, that is no component.
    described (dict[str, Any] | None): what stands in a manifest of a teacher that is no pipeline.
    """

    def __init__(
        self,
        nlp: Language,
        *,
        batch_words: int,
        beam: Beam | None = None,
        outside: Mapping[str, Source] | None = None,
        described: dict[str, Any] | None = None,
    ):
        self.nlp = nlp
        self.batch_words = batch_words
        self.outside, self._described = dict(outside or {}), described
        self._sources = {**find_sources(nlp, beam=beam), **self.outside}
        self._views: dict[str, dict[str, View]] = {
            name: {name + suffix: view for suffix, view in source.views().items()}
            for name, source in self._sources.items()
        }

    @property
    def pipes(self) -> tuple[str, ...]:
        """What can be asked: names of components, and of views ("morphologizer.pos")."""
        return tuple(pipe for views in self._views.values() for pipe in views)

    def labels(self, pipe: str) -> tuple[str, ...]:
        return self.view(pipe).labels

    def view(self, pipe: str) -> View:
        """Return a view. pipe (str): of `pipes`."""
        return next(views[pipe] for views in self._views.values() if pipe in views)

    def run(
        self,
        docs: Sequence[Doc],
        *,
        starts: Sequence[Array | None],
        pipes: Iterable[str],
    ) -> list[Beliefs]:
        """Run one forward pass for all layers.

        docs (Sequence[Doc]): whose words and spaces are taken; they are not changed.
        starts (Sequence[ndarray | None]): per doc (tokens,) bool sentence starts, None where
            the teacher is to decide.
        pipes (Iterable[str]): what to ask, of `pipes`.
        RETURNS (list[dict[str, Belief]]): per doc, by name in `pipes`.
        """
        return self._run(docs, starts, set(pipes), lambda place, doc, beliefs: beliefs, guess=False)

    def annotate(
        self,
        docs: Sequence[Doc],
        *,
        starts: Sequence[Array | None],
        pipes: Iterable[str],
    ) -> list[tuple[Doc, Beliefs]]:
        """Do as `run`, in the same one pass, with copies of the docs that have the best guesses of
        the components asked. What a component annotates is read from its belief."""
        return self.read_each(
            docs, lambda place, doc, beliefs: (doc, beliefs), starts=starts, pipes=pipes
        )

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
        """Do as `annotate`, but return what is made at once of each doc's copy and beliefs, so that
        these are not all in memory.

        read (Callable[[int, Doc, Beliefs], Out]): is given the doc's place among `docs`; called in
            another thread, docs of similar length after each other.
        also (Collection[str]): components that annotate the copies, too, whether or not they can be
            asked; so do those before them.
        embedder (Embedder | None): of this pipeline, whose vectors the copies then have in `tensor`
            while they are read.
        """
        return self._run(docs, starts, set(pipes), read, guess=True, also=also, embedder=embedder)

    def _run(
        self,
        docs: Sequence[Doc],
        starts: Sequence[Array | None],
        wanted: set[str],
        read: Callable[[int, Doc, Beliefs], Out],
        *,
        guess: bool,
        also: Collection[str] = (),
        embedder: Embedder | None = None,
    ) -> list[Out]:
        """Run the transformer beside the other components, which are at the batch before."""
        for _, pipe in self.nlp.pipeline:  # beliefs are the same wherever a run was stopped
            if isinstance(model := getattr(pipe, "model", None), Model):
                forget_words(model)
        copies = [self.copy_of(doc, start) for doc, start in zip(docs, starts)]
        components = self._components
        n_first = self._n_to_embed()

        def embed(places: list[int]) -> _Batch:
            batch = _Batch(places, [copies[i] for i in places], [{} for _ in places])
            return self._run_batch(batch, components[:n_first], wanted, embedder)

        def finish(batch: _Batch) -> list[Out]:
            batch = self._run_batch(batch, components[n_first:], wanted, embedder)
            vectors = [[*doc.user_data] for doc in batch.docs]  # keys of what embeds
            if guess:
                self._guess(batch.docs, batch.beliefs, also)
            for doc, keys in zip(batch.docs, vectors):
                _drop_vectors(doc, keys)
            for doc, tensor in zip(batch.docs, batch.vectors):
                doc.tensor = tensor
            return [read(*row) for row in zip(batch.places, batch.docs, batch.beliefs)]

        batches = batches_by_length([len(doc) for doc in docs], size=self.batch_words)
        results: dict[int, Out] = {}
        stages = overlapped if self._overlaps(n_first) else in_turn
        for places, read_of in zip(batches, stages(embed, finish, batches)):
            results.update(zip(places, read_of))
        return [results[i] for i in range(len(copies))]

    @property
    def _components(self) -> list[tuple[str, Any]]:
        return [*self.nlp.components, *self.outside.items()]

    def _n_to_embed(self) -> int:
        """Count how many components there are up to the first that embeds, with it."""
        for i, (name, pipe) in enumerate(self.nlp.components):
            if self._embeds(name, pipe):
                return i + 1
        return 0

    def _overlaps(self, n_first: int) -> bool:
        """Tell whether it helps that other components have a thread of their own. Not on a GPU: the
        one that was chosen is a matter of each thread."""
        models = [pipe.model for _, pipe in self.nlp.components if hasattr(pipe, "model")]
        on_cpu = all(model.ops.device_type == "cpu" for model in models if isinstance(model, Model))
        return n_first > 0 and on_cpu and n_cores() > 1

    def _embeds(self, name: str, pipe: Any) -> bool:
        return name not in self.nlp.disabled and isinstance(pipe, ListenedToComponent)

    def _guess(self, docs: list[Doc], by_doc: list[Beliefs], also: Collection[str]) -> None:
        """Annotate docs: what was asked writes what it believes, the others run, but those after
        the last that is wanted, and those that merge tokens: beliefs are of the docs' own."""
        components = [(n, pipe) for n, pipe in self._components if not self._embeds(n, pipe)]
        aside = {*self.nlp.disabled, *mergers(self.nlp)}
        last = max((i for i, (name, _) in enumerate(components) if name in also), default=-1)
        for i, (name, pipe) in enumerate(components):
            if name in self._sources and all(name in beliefs for beliefs in by_doc):
                self._sources[name].write(docs, [beliefs[name] for beliefs in by_doc])
            elif name in also or (i < last and name not in aside):
                _run_pipe(pipe, docs)

    def about(self) -> dict[str, Any]:
        """Return what a manifest says of the teacher: path, fingerprint, name."""
        if self._described is not None:
            return self._described
        return about_pipeline(self.nlp)

    def copy_of(self, doc: Doc, starts: Array | None) -> Doc:
        """Return a doc of the same words, spaces and sentence starts in the teacher's vocab."""
        words, spaces = [t.text for t in doc], [bool(t.whitespace_) for t in doc]
        sents = None if starts is None else _of_words(doc, starts).tolist()
        copy = Doc(self.nlp.vocab, words=words, spaces=spaces, sent_starts=sents)
        for token in doc:
            # A tokenizer's special cases ("n't" is "not") are norms of tokens, not of words.
            if token.norm != token.lex.norm:
                copy[token.i].norm_ = token.norm_
        return copy

    def _run_batch(
        self,
        batch: _Batch,
        components: Sequence[tuple[str, Any]],
        wanted: set[str],
        embedder: Embedder | None,
    ) -> _Batch:
        for name, pipe in components:
            if self._embeds(name, pipe):
                docs = list(pipe.pipe(batch.docs, batch_size=len(batch.docs)))
                batch = batch._replace(docs=docs)
                if embedder is not None and embedder.pipe is pipe:  # others overwrite its tensors
                    batch = batch._replace(vectors=embedder.read(docs))
                continue
            self._ask(name, batch.docs, wanted, batch.beliefs)
            if name not in self.nlp.disabled and sets_sentences(self.nlp, name, pipe):
                self._set_sentences(name, pipe, batch.docs, batch.beliefs)
        return batch

    def _set_sentences(self, name: str, pipe: Any, docs: list[Doc], by_doc: list[Beliefs]) -> None:
        """Set them from what the component believes, if it was asked: so it need not run
        again."""
        places = [i for i, doc in enumerate(docs) if not has_starts(doc)]
        chosen = [docs[i] for i in places]
        if places and all(name in by_doc[i] for i in places):
            self._sources[name].write(chosen, [by_doc[i][name] for i in places])
        else:
            _run_pipe(pipe, chosen)

    def _ask(self, name: str, docs: list[Doc], wanted: set[str], by_doc: list[Beliefs]) -> None:
        """Run one component for all of its views that are wanted."""
        views = {pipe: of for pipe, of in self._views.get(name, {}).items() if pipe in wanted}
        if not views:
            return
        for belief, by_pipe in zip(self._sources[name].believe(docs), by_doc):
            by_pipe.update({pipe: view.read(belief) for pipe, view in views.items()})


def _of_words(doc: Doc, starts: Array) -> Array:
    """Return (tokens,) bool, the same sentences without starts on whitespace."""
    (words,) = words_of([doc])
    return words.starts_to_tokens(words.starts_of_tokens(starts))


def starts_of(doc: Doc, beliefs: Beliefs, starts: Array | None) -> Array | None:
    """(tokens,) sentence starts as a teacher decided, if none were given and it has trees."""
    sentences = (belief.sentences() for belief in beliefs.values())
    units = next((units for units in sentences if units is not None), None)
    if starts is not None or units is None:
        return starts
    (words,) = words_of([doc])
    return words.starts_to_tokens(numpy.isin(numpy.arange(len(words)), units[:, 0]))


def _drop_vectors(doc: Doc, keys: Iterable[Any]) -> None:
    """Drop the transformer's output, which is large. keys: of user data."""
    for key in keys:
        doc.user_data.pop(key, None)
    if doc.tensor is not None:
        doc.tensor = doc.tensor[:0]


def _run_pipe(pipe: Any, docs: list[Doc]) -> None:
    if hasattr(pipe, "pipe"):
        list(pipe.pipe(docs, batch_size=max(1, len(docs))))
        return
    for doc in docs:
        pipe(doc)


def sets_sentences(nlp: Language, name: str, pipe: Any) -> bool:
    """Tell whether a component of a teacher decides where sentences start."""
    if hasattr(pipe, "believe"):
        return bool(pipe.layer.sets_sentences)
    assigns = nlp.get_pipe_meta(name).assigns
    return "token.is_sent_start" in assigns or "doc.sents" in assigns


def has_starts(doc: Doc) -> bool:
    return len(doc) < 2 or any(token.is_sent_start is not None for token in doc[1:])
