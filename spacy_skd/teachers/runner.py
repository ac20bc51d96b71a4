"""Runs a trained teacher pipeline over docs and collects what its components believe."""

from typing import Any, Dict, Iterable, List, Optional, Sequence, Tuple

import numpy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.ty import ListenedToComponent

from ..transfer.belief import Belief


class TeacherRunner:
    """A frozen pipeline that is asked for beliefs.

    nlp (Language): the teacher. Components that can be asked have a method `believe`.
    batch_words (int): padded words of a batch; docs of similar length share one.
    """

    def __init__(self, nlp: Language, *, batch_words: int):
        self.nlp = nlp
        self.batch_words = batch_words

    @property
    def pipes(self) -> Tuple[str, ...]:
        """Names of the components that can be asked."""
        return tuple(name for name, pipe in self.nlp.pipeline if hasattr(pipe, "believe"))

    def labels(self, pipe: str) -> Tuple[str, ...]:
        found: Any = self.nlp.get_pipe(pipe)
        return tuple(found.labels)

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
        pipes (Iterable[str]): names of the teacher's components to ask.
        RETURNS (List[Dict[str, Belief]]): per doc, by component.
        """
        wanted = set(pipes)
        copies = [self._copy(doc, start) for doc, start in zip(docs, starts)]
        results: List[Dict[str, Belief]] = [{} for _ in docs]
        for batch in batches_by_length([len(doc) for doc in docs], size=self.batch_words):
            for i, found in zip(batch, self._run_batch([copies[i] for i in batch], wanted)):
                results[i] = found
            for i in batch:
                copies[i] = None  # type: ignore[call-overload]  # its transformer output is large
        return results

    def _copy(self, doc: Doc, starts: Optional["numpy.ndarray"]) -> Doc:
        spaces = [bool(token.whitespace_) for token in doc]
        words = [token.text for token in doc]
        sents = None if starts is None else starts.tolist()
        return Doc(self.nlp.vocab, words=words, spaces=spaces, sent_starts=sents)

    def _run_batch(self, docs: List[Doc], wanted: Iterable[str]) -> List[Dict[str, Belief]]:
        found: List[Dict[str, Belief]] = [{} for _ in docs]
        pipeline: List[Tuple[str, Any]] = self.nlp.pipeline
        for name, pipe in pipeline:
            embeds: bool = isinstance(pipe, ListenedToComponent)
            if embeds:
                docs = list(pipe.pipe(docs, batch_size=len(docs)))
                continue
            if name in wanted:
                for belief, by_pipe in zip(pipe.believe(docs), found):
                    by_pipe[name] = belief
            if sets_sentences(self.nlp, name, pipe):
                todo = [doc for doc in docs if not has_starts(doc)]
                if todo:
                    list(pipe.pipe(todo, batch_size=len(todo)))
        return found


def sets_sentences(nlp: Language, name: str, pipe: Any) -> bool:
    """Whether a component of a teacher decides where sentences start."""
    layer = getattr(pipe, "layer", None)
    if layer is not None:
        return bool(layer.name == "sent")
    if hasattr(pipe, "believe"):
        return False
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
