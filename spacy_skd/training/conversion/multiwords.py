"""Multiword tokens of a Doc: where the text has one token and the treebank several words.

The words are the Doc's tokens, so that its text is not the treebank's where they do not spell the
token ("dele vent"). Merged, the token stands in their place, annotated as `spacy convert
--merge-subtokens` does.
"""

from collections.abc import Callable, Sequence
from dataclasses import astuple
from typing import Any

from spacy.tokens import Doc, Span, Token

from .sentence import Multiword

KEY = "multiword_tokens"  # in doc.user_data: of each start, end, form, is_spelled
Place = tuple[int, int]
Tokenize = Callable[[str], Doc]


def multiwords_of(doc: Doc) -> list[Multiword]:
    return [Multiword(*values) for values in doc.user_data.get(KEY, ())]


def set_multiwords(doc: Doc, multiwords: Sequence[Multiword]) -> None:
    """Note them in the Doc's user data, which stays empty without any."""
    doc.user_data.pop(KEY, None)
    if multiwords:
        doc.user_data[KEY] = tuple(map(astuple, multiwords))


def real_text(doc: Doc) -> str:
    """Return the treebank's text, with its multiword tokens as they are written."""
    return _written(doc)[0]


def unlike(doc: Doc, tokenizer: Tokenize) -> list[Multiword]:
    """Return the multiword tokens that a tokenizer does not split into the treebank's words.

    It is asked for each by itself, so that one form is annotated in one way, whatever stands
    before it without a space.
    """
    return [
        multiword
        for multiword in multiwords_of(doc)
        if [token.text for token in tokenizer(multiword.form)]
        != [token.text for token in doc[multiword.start : multiword.end]]
    ]


def count_not_made(doc: Doc, tokenizer: Tokenize) -> int:
    """Count how many tokens of a Doc a tokenizer does not make of its real text."""
    text, places = _written(doc)
    made: set[Place] = {(token.idx, token.idx + len(token)) for token in tokenizer(text)}
    return sum(place not in made for place in places)


def merge(doc: Doc, multiwords: Sequence[Multiword]) -> Doc:
    """Make a copy with one token for each of these multiword tokens, in its own form.

    It has the tags of its words joined by "_", their lemmas by a space, all their features, and
    POS, deprel, head and entity of the word that is highest in the tree, the first of several. An
    entity of its other words alone is its entity, too.
    """
    if not multiwords:
        return doc
    groups = _groups(doc, multiwords)
    tops = [min(group, key=_depth) if len(group) > 1 else group[0] for group in groups]
    place = {token.i: i for i, group in enumerate(groups) for token in group}
    merged = Doc(
        doc.vocab,
        words=_forms(groups, multiwords),
        spaces=[bool(group[-1].whitespace_) for group in groups],
        user_data=dict(doc.user_data),
        pos=[top.pos_ for top in tops],
        tags=[_joined([token.tag_ for token in group], "_") for group in groups],
        lemmas=[_joined([token.lemma_ for token in group], " ") for group in groups],
        **_annotation(doc, groups, tops, place),
    )
    chosen = {multiword.start for multiword in multiwords}
    others = [m for m in multiwords_of(doc) if m.start not in chosen]
    set_multiwords(merged, [m.moved(place[m.start] - m.start) for m in others])
    merged.cats = dict(doc.cats)
    for name, spans in doc.spans.items():
        merged.spans[name] = [_moved(span, merged, place) for span in spans]
    return merged


def _written(doc: Doc) -> tuple[str, list[Place]]:
    """Return the real text, and where in it each token begins and ends; (-1, -1) of the words of a
    multiword token that they do not spell."""
    text, places = "", []
    whole = {m.start: m for m in multiwords_of(doc) if not m.is_spelled}
    end = 0
    for token in doc:
        if token.i in whole:
            end = whole[token.i].end
            text += whole[token.i].form
        if token.i < end:
            places.append((-1, -1))
        else:
            places.append((len(text), len(text) + len(token)))
            text += token.text
        text += token.whitespace_
    return text, places


def _groups(doc: Doc, multiwords: Sequence[Multiword]) -> list[list[Token]]:
    """Return the tokens of each token to be."""
    ends = {multiword.start: multiword.end for multiword in multiwords}
    groups: list[list[Token]] = []
    i = 0
    while i < len(doc):
        end = ends.get(i, i + 1)
        groups.append(list(doc[i:end]))
        i = end
    return groups


def _forms(groups: Sequence[list[Token]], multiwords: Sequence[Multiword]) -> list[str]:
    forms = {multiword.start: multiword.form for multiword in multiwords}
    return [forms.get(group[0].i, group[0].text) for group in groups]


def _annotation(
    doc: Doc, groups: Sequence[list[Token]], tops: Sequence[Token], place: dict[int, int]
) -> dict[str, Any]:
    """Return what a Doc takes only if it is there at all."""
    annotation: dict[str, Any] = {}
    if doc.has_annotation("MORPH"):
        annotation["morphs"] = [_features(group) for group in groups]
    if doc.has_annotation("ENT_IOB"):
        annotation.update(ents=_entities(doc, groups, tops))
    if doc.has_annotation("DEP"):
        annotation["deps"] = [top.dep_ for top in tops]
        annotation["heads"] = [place[top.head.i] if top.dep else None for top in tops]
    elif doc.has_annotation("SENT_START"):
        annotation["sent_starts"] = [group[0].is_sent_start for group in groups]
    return annotation


def _depth(token: Token) -> int:
    return sum(1 for _ in token.ancestors)


def _joined(values: Sequence[str], separator: str) -> str:
    """Join values: unknown if that of one word is."""
    return separator.join(values) if all(values) else ""


def _features(group: Sequence[Token]) -> str:
    values: dict[str, set[str]] = {}
    for token in group:
        for name, value in token.morph.to_dict().items():
            values.setdefault(name, set()).update(value.split(","))
    return "|".join(f"{name}={','.join(sorted(values[name]))}" for name in sorted(values))


def _entities(doc: Doc, groups: Sequence[list[Token]], tops: Sequence[Token]) -> list[str]:
    """Return IOB of each group; "" is missing."""
    tags = ["O" if any(token.ent_iob for token in group) else "" for group in groups]
    for entity in doc.ents:
        inside = range(entity.start, entity.end)
        belongs = [
            i
            for i, (group, top) in enumerate(zip(groups, tops))
            if top.i in inside or (group[0].i >= entity.start and group[-1].i < entity.end)
        ]
        belongs = belongs or [
            i for i, group in enumerate(groups) if any(token.i in inside for token in group)
        ]
        for i in belongs:
            tags[i] = f"{'B' if i == belongs[0] else 'I'}-{entity.label_}"
    return tags


def _moved(span: Span, doc: Doc, place: dict[int, int]) -> Span:
    start, end = place[span.start], place[span.end - 1] + 1
    return Span(doc, start, end, label=span.label, kb_id=span.kb_id, span_id=span.id)
