"""Docs in lower case, with what is believed of them as they were: a student that has met some is at
less of a loss in text without capitals."""

import copy
from dataclasses import replace
from typing import Any

from spacy.attrs import NORM, ORTH
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

from ...models.words import reference_starts
from ...shards.store import KEY, doc_key
from .items import Item


def lower_cased(nlp: Language, item: Item) -> Example:
    """Return the example of an annotated doc, in lower case. Gold, beliefs, tokens and their norms
    stay what they were; the teacher is not asked again.

    item (Item): with a belief in its user data.
    """
    predicted = _lower(item.example(nlp).predicted)
    eg = Example(predicted, lower_item(nlp, item).example(nlp).reference)
    carried = eg.reference.user_data[KEY]
    key = doc_key(predicted, reference_starts(eg))
    eg.reference.user_data[KEY] = {**carried, "key": key}
    return eg


def _lower(doc: Doc) -> Doc:
    words, spaces = [token.lower_ for token in doc], [bool(token.whitespace_) for token in doc]
    lower = Doc(doc.vocab, words=words, spaces=spaces)
    if len(doc):
        lower.from_array([NORM], doc.to_array([NORM]).reshape(-1, 1))
    return lower


def lower_item(nlp: Language, item: Item) -> Item:
    """Return the same in lower case, with all annotation, and a belief of other words than before.
    Its strings are in the vocab of `nlp`, not in its bin."""
    strings, bin_ = nlp.vocab.strings, copy.copy(item.bin)
    tokens: Any = bin_.tokens[0].copy()
    column = bin_.attrs.index(ORTH)
    words = [strings[word].lower() for word in tokens[:, column].tolist()]
    tokens[:, column] = [strings.add(word) for word in words]
    bin_.tokens = [tokens]
    return replace(item, bin=bin_)
