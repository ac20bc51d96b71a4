"""A teacher's guesses for components that learn from gold alone, and that ours do not take for it.

Such an example's reference has gold, and the teacher's guess of each kind of annotation that gold
lacks; beside it, in its user data, is the gold alone.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy
from spacy.attrs import ENT_ID, ENT_IOB, ENT_KB_ID, ENT_TYPE, LOWER
from spacy.attrs import IDS as ATTRS
from spacy.tokens import Doc, Span
from spacy.training import Example

from .messages import make_packer

GUESS = "spacy_skd_guess"  # in doc.user_data of a labelled doc of a shard: the guess, as bytes
_GOLD = "spacy_skd_gold"  # in doc.user_data of a reference with guesses
_TOKEN = ("TAG", "POS", "MORPH", "LEMMA")
_ENTITY = [ENT_IOB, ENT_TYPE, ENT_KB_ID, ENT_ID]


class _Gold:
    """A doc in the user data of another, which is copied with it, but need not be."""

    def __init__(self, doc: Doc):
        self.doc = doc

    def __deepcopy__(self, memo: Any) -> "_Gold":
        return self


def keep_guess(doc: Doc, guess: Doc, *, of: Iterable[str]) -> None:
    """Store a teacher's guess in the user data of a labelled doc, which is another.

    of (Iterable[str]): the components that are to be trained anew.
    RAISES (ValueError): if what they wrote to extensions cannot be stored.
    """
    try:
        make_packer()(guess.user_data)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(
            f"retrain: what {', '.join(of)} or a component before writes to extensions of docs "
            f"cannot be stored: {error}. Let it write numbers, strings, lists and dicts of them"
        ) from error
    if doc is not guess:
        doc.user_data[GUESS] = guess.to_bytes(exclude=["tensor"])


def read_guess(doc: Doc) -> Doc | None:
    """Return the guess that a labelled doc carries; None if there is none."""
    data = doc.user_data.get(GUESS)
    return None if data is None else Doc(doc.vocab).from_bytes(data)


def with_guesses(eg: Example, guess: Doc) -> Example:
    """Return the example, whose reference has what the guess has and gold has not. What is not of
    the same tokens is left as it is."""
    gold = eg.reference
    if gold.to_array(LOWER).tolist() != guess.to_array(LOWER).tolist():
        return eg
    reference = gold.copy()
    _complete_tokens(reference, guess)
    _complete_entities(reference, guess)
    _complete_rest(reference, guess)
    reference.user_data[_GOLD] = _Gold(gold)
    return Example(eg.predicted, reference)


def only_gold(get_examples: Callable[[], Iterable[Example]]) -> Callable[[], list[Example]]:
    """Return what gets the examples without guesses."""
    return lambda: of_gold(get_examples())


def of_gold(examples: Iterable[Example]) -> list[Example]:
    """Return the examples without guesses, as they were before `with_guesses`."""
    golds = [(eg, eg.reference.user_data.get(_GOLD)) for eg in examples]
    return [eg if gold is None else Example(eg.predicted, gold.doc) for eg, gold in golds]


def _complete_tokens(doc: Doc, guess: Doc) -> None:
    names = [name for name in _TOKEN if not doc.has_annotation(name)]
    if not doc.has_annotation("SENT_START") and not doc.has_annotation("DEP"):
        names += ["HEAD", "DEP"] if guess.has_annotation("DEP") else ["SENT_START"]
    if names and len(doc):
        attrs = [ATTRS[name] for name in names]
        doc.from_array(attrs, guess.to_array(attrs).reshape(-1, len(attrs)))


def _complete_entities(doc: Doc, guess: Doc) -> None:
    """Take over entities where gold has none, and what they link to where its own link nowhere."""
    if not doc.has_annotation("ENT_IOB"):
        doc.from_array(_ENTITY, guess.to_array(_ENTITY).reshape(-1, len(_ENTITY)))
    elif not numpy.any(doc.to_array(ENT_KB_ID)):
        linked = {(e.start, e.end, e.label): e.kb_id for e in guess.ents if e.kb_id}
        places = [(e.start, e.end, e.label) for e in doc.ents]
        ents = [Span(doc, *place, kb_id=linked[place]) for place in places if place in linked]
        doc.set_ents(ents, default="unmodified")


def _complete_rest(doc: Doc, guess: Doc) -> None:
    if not doc.cats:
        doc.cats = dict(guess.cats)
    for key, group in guess.spans.items():
        if key not in doc.spans:
            doc.spans[key] = group.copy(doc=doc)
    own: dict[Any, Any] = doc.user_data
    known = {key[1] for key in own if isinstance(key, tuple)}
    user_data: dict[Any, Any] = guess.user_data
    for key, value in user_data.items():
        if isinstance(key, tuple) and key[1] not in known:  # of an extension
            own[key] = value
