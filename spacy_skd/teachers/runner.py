"""Runs a trained teacher pipeline over docs and collects what its components believe."""

from typing import Any, Dict, Iterable, List, Optional, Sequence, Set, Tuple

import numpy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.ty import ListenedToComponent

from ..transfer.belief import Belief
from .beam import Beam
from .sources import find_sources
from .views import View


class TeacherRunner:
    """A frozen pipeline that is asked for beliefs.

    nlp (Language): the teacher. What it can be asked: `pipes`.
    batch_words (int): padded words of a batch; docs of similar length share one.
    beam (Optional[Beam]): of stock parsers and entity recognizers, `Beam()` if not given.
    """

    def __init__(self, nlp: Language, *, batch_words: int, beam: Optional[Beam] = None):
        self.nlp = nlp
        self.batch_words = batch_words
        self._sources = find_sources(nlp, beam=beam)
        self._views: Dict[str, Dict[str, View]] = {
            name: {name + suffix: view for suffix, view in source.views().items()}
            for name, source in self._sources.items()
        }

    @property
    def pipes(self) -> Tuple[str, ...]:
        """What can be asked: names of components, and of views ("morphologizer.pos")."""
        return tuple(pipe for views in self._views.values() for pipe in views)

    def labels(self, pipe: str) -> Tuple[str, ...]:
        return next(views[pipe].labels for views in self._views.values() if pipe in views)

    def run(
        self,
        docs: Sequence[Doc],
        *,
        starts: Sequence[Optional["numpy.ndarray"]],
        pipes: Iterable[str],
    ) -> List[Dict[str, Belief]]:
        """One forward pass for all layers.

        docs (Sequence[Doc]): whose words and spaces are taken; they are not changed.
        starts (Sequence[Optional[ndarray]]): per doc (tokens,) bool sentence starts, None where
            the teacher is to decide.
        pipes (Iterable[str]): what to ask, of `pipes`.
        RETURNS (List[Dict[str, Belief]]): per doc, by name in `pipes`.
        """
        return [beliefs for _, beliefs in self._run(docs, starts, set(pipes), guess=False)]

    def annotate(
        self,
        docs: Sequence[Doc],
        *,
        starts: Sequence[Optional["numpy.ndarray"]],
        pipes: Iterable[str],
    ) -> List[Tuple[Doc, Dict[str, Belief]]]:
        """As `run`, in the same one pass, with copies of the docs that have the best guesses of the
        components asked. What a component annotates is read from its belief."""
        return self._run(docs, starts, set(pipes), guess=True)

    def _run(
        self,
        docs: Sequence[Doc],
        starts: Sequence[Optional["numpy.ndarray"]],
        wanted: Set[str],
        *,
        guess: bool,
    ) -> List[Tuple[Doc, Dict[str, Belief]]]:
        copies = [self._copy(doc, start) for doc, start in zip(docs, starts)]
        results: List[Tuple[Doc, Dict[str, Belief]]] = [(doc, {}) for doc in copies]
        for batch in batches_by_length([len(doc) for doc in docs], size=self.batch_words):
            found = self._run_batch([copies[i] for i in batch], wanted)
            if guess:
                self._guess([copies[i] for i in batch], found)
            for i, beliefs in zip(batch, found):
                results[i] = (_without_vectors(copies[i]), beliefs)
        return results

    def _guess(self, docs: List[Doc], found: List[Dict[str, Belief]]) -> None:
        for name, source in self._sources.items():
            if all(name in beliefs for beliefs in found):
                source.write(docs, [beliefs[name] for beliefs in found])

    def _copy(self, doc: Doc, starts: Optional["numpy.ndarray"]) -> Doc:
        spaces = [bool(token.whitespace_) for token in doc]
        words = [token.text for token in doc]
        sents = None if starts is None else starts.tolist()
        copy = Doc(self.nlp.vocab, words=words, spaces=spaces, sent_starts=sents)
        for token in doc:
            # A tokenizer's special cases ("n't" is "not") are norms of tokens, not of words.
            if token.norm != token.lex.norm:
                copy[token.i].norm_ = token.norm_
        return copy

    def _run_batch(self, docs: List[Doc], wanted: Set[str]) -> List[Dict[str, Belief]]:
        found: List[Dict[str, Belief]] = [{} for _ in docs]
        components: List[Tuple[str, Any]] = self.nlp.components
        for name, pipe in components:
            enabled = name not in self.nlp.disabled
            embeds: bool = isinstance(pipe, ListenedToComponent)
            if enabled and embeds:
                docs = list(pipe.pipe(docs, batch_size=len(docs)))
                continue
            self._ask(name, docs, wanted, found)
            if enabled and sets_sentences(self.nlp, name, pipe):
                self._set_sentences(name, pipe, docs, found)
        return found

    def _set_sentences(
        self, name: str, pipe: Any, docs: List[Doc], found: List[Dict[str, Belief]]
    ) -> None:
        """From what the component believes, if it was asked, so that it need not run again."""
        some = [i for i, doc in enumerate(docs) if not has_starts(doc)]
        chosen = [docs[i] for i in some]
        if some and all(name in found[i] for i in some):
            self._sources[name].write(chosen, [found[i][name] for i in some])
        else:
            _run_pipe(pipe, chosen)

    def _ask(
        self, name: str, docs: List[Doc], wanted: Set[str], found: List[Dict[str, Belief]]
    ) -> None:
        """Run one component for all of its views that are wanted."""
        views = self._views.get(name, {})
        asked = {pipe: view for pipe, view in views.items() if pipe in wanted}
        if not asked:
            return
        for belief, by_pipe in zip(self._sources[name].believe(docs), found):
            by_pipe.update({pipe: view.read(belief) for pipe, view in asked.items()})


def _without_vectors(doc: Doc) -> Doc:
    """Drop the transformer's output, which is large."""
    doc.user_data.clear()
    doc.tensor = doc.tensor[:0]
    return doc


def _run_pipe(pipe: Any, docs: List[Doc]) -> None:
    if hasattr(pipe, "pipe"):
        list(pipe.pipe(docs, batch_size=max(1, len(docs))))
        return
    for doc in docs:
        pipe(doc)


def sets_sentences(nlp: Language, name: str, pipe: Any) -> bool:
    """Whether a component of a teacher decides where sentences start."""
    if hasattr(pipe, "believe"):
        layer = getattr(pipe, "layer", None)
        return layer is not None and bool(layer.name == "sent")
    assigns = nlp.get_pipe_meta(name).assigns
    return "token.is_sent_start" in assigns or "doc.sents" in assigns


def has_starts(doc: Doc) -> bool:
    return len(doc) < 2 or any(token.is_sent_start is not None for token in doc[1:])


def batches_by_length(lengths: Sequence[int], *, size: int) -> List[List[int]]:
    """Indices of docs of similar length, at most `size` padded words (or one doc) a batch."""
    batches: List[List[int]] = []
    for i in sorted(range(len(lengths)), key=lambda i: (lengths[i], i)):
        if not batches or lengths[i] * (len(batches[-1]) + 1) > size:
            batches.append([])
        batches[-1].append(i)
    return batches
