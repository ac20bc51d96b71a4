"""Stored beliefs of the docs of a training step: from the reference itself, or from a folder."""

import logging

from spacy.language import Language
from spacy.training import Example

from ...shards.docs import StoredBeliefs, read_beliefs
from ...shards.store import BeliefStore
from ...teachers.fingerprint import fingerprint
from ...transfer.beliefs import Belief, Form

logger = logging.getLogger("spacy.skd")


class Stored:
    """What `skd_teacher` asks before its teacher. name (str): of the component, for errors.

    RAISES (ValueError): if the folder was not annotated, or not to the end.
    """

    def __init__(self, name: str, folder: str, *, memory: int):
        self.name = name
        self.store = BeliefStore(folder, memory=memory)

    @property
    def forms(self) -> dict[str, Form]:
        """By the teacher's component."""
        return self.store.forms

    def find(self, eg: Example, key: bytes, pipe: str, *, needed: bool) -> Belief | None:
        """Return what is stored of an example's predicted doc.

        key (bytes): `doc_key` of the predicted doc. pipe (str): the teacher's component.
        needed (bool): whether nothing else can answer.
        RETURNS (Belief | None): None if the doc or the component is not stored.
        RAISES (ValueError): if it is needed and not stored; if the reference carries a belief of
            another store or of other words.
        """
        carried = read_beliefs(eg.reference.user_data)
        if carried is not None:
            self._check(carried, eg, key)
        found = carried
        if found is None and pipe in self.forms:
            found = self.store.find(key)
        if found is not None and pipe in found.packed:
            return self.store.belief(found, pipe, eg.predicted)
        if needed:
            raise ValueError(self._missing(eg, pipe))
        return None

    def check_teacher(self, nlp: Language) -> None:
        """Check a teacher. RAISES (ValueError): if it is not the one that annotated the store."""
        expected = self.store.manifest.teacher["fingerprint"]
        found = fingerprint(nlp)
        if found != expected:
            raise ValueError(
                f"{self.name}: {self.store.folder} holds the beliefs of another teacher: expected "
                f"the fingerprint {expected}, the teacher {nlp.path} has {found}. Name the teacher "
                f"that annotated it, or annotate again with this one"
            )

    def _check(self, carried: StoredBeliefs, eg: Example, key: bytes) -> None:
        if carried.id != self.store.id:
            raise ValueError(
                f"{self.name}: the reference {_short(eg)} has a belief of another teacher than "
                f"that of {self.store.folder} (expected the id {self.store.id.hex()}, found "
                f"{carried.id.hex()}). Give components.{self.name}.store and the reader one folder"
            )
        if carried.key != key:
            raise ValueError(
                f"{self.name}: the belief of the reference {_short(eg)} is of other words, spaces "
                f"or sentence starts than those it is trained on. Use the tokenizer that annotated "
                f"it, and no augmenter, gold_preproc or max_length"
            )

    def _missing(self, eg: Example, pipe: str) -> str:
        where = f"{self.name}: no belief of {pipe!r} is stored in {self.store.folder}"
        if pipe not in self.forms:
            return (
                f"{where}, which has {list(self.forms)}. Annotate again with that component, or "
                f"set components.{self.name}.teacher"
            )
        return (
            f"{where} for {_short(eg)}. Either it was not annotated, or the reader changed or "
            f"copied it (max_length, gold_preproc, augmenter, another tokenizer). Read the folder "
            f"by spacy-skd.DistillationCorpus.v1, annotate this text too, or set "
            f"components.{self.name}.teacher to run the teacher on it"
        )


def _short(eg: Example) -> str:
    text = eg.reference.text
    return repr(text if len(text) <= 40 else text[:37] + "...")
