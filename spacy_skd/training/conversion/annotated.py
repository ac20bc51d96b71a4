"""Annotated texts and sentences that are no treebank: what is known of them are their spans."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.util import filter_spans

from .offsets import NEGATIVE_KEY as NEGATIVE_KEY
from .offsets import CharSpan, OffsetRecord


@dataclass
class Annotated:
    """A text, or a sentence of one, as a Doc with all that is annotated.

    document (int): number of the text that it stands in. line (int): of the file, from 1.
    n_misaligned (int): spans that no tokens spell; as entities, their tokens are unknown.
    n_overlapping (int): spans that overlap longer ones and are left out.
    n_negative (int): spans that are known to be none, in `doc.spans["incorrect_spans"]`.
    n_unread (int), has_tokens (bool): see `OffsetRecord`.
    n_repaired (int): tags of entities that were not legal in the file's scheme, and are now.
    """

    doc: Doc
    document: int
    line: int
    n_misaligned: int = 0
    n_overlapping: int = 0
    n_negative: int = 0
    n_unread: int = 0
    has_tokens: bool = False
    n_repaired: int = 0

    @property
    def text(self) -> str:
        return self.doc.text.rstrip(" ")

    @property
    def has_tree(self) -> bool:
        return False

    def before_gap(self) -> "Annotated":
        return self

    @property
    def words(self) -> list[str]:
        return [token.text for token in self.doc]


def annotate_text(
    record: OffsetRecord, nlp: Language, *, document: int, line: int, spans_key: str | None
) -> Annotated:
    """Put a text's spans on the tokens of the language's tokenizer.

    record (OffsetRecord): that says which spans its text has, or has not; nothing is known of spans
        where it does not.
    spans_key (str | None): the group of `doc.spans` that all spans go to; None for `doc.ents`,
        which cannot overlap: the longest, then the first is kept.
    """
    doc = nlp.make_doc(record.text)
    annotated = Annotated(doc, document, line)
    spans: list[Span] = []
    unknown: set[int] = set()  # tokens
    for chars in dict.fromkeys(record.spans or ()):
        start, end = _trimmed(chars, record.text)
        span = doc.char_span(start, end, label=chars.label) if start < end else None
        if span is not None:
            spans.append(span)
            continue
        annotated.n_misaligned += 1
        if start < end:
            near = doc.char_span(start, end, alignment_mode="expand")
            unknown.update(token.i for token in near or ())
    if record.spans is None:
        return annotated
    if record.answer == "reject":
        doc.spans[NEGATIVE_KEY] = spans
        annotated.n_negative = len(spans)
    elif spans_key is not None:
        doc.spans[spans_key] = spans
    else:
        kept = filter_spans(spans)
        annotated.n_overlapping = len(spans) - len(kept)
        unknown.update(token.i for span in spans for token in span)
        _set_entities(doc, kept, unknown, default="missing" if record.is_binary else "outside")
    return annotated


def _trimmed(chars: CharSpan, text: str) -> Sequence[int]:
    """Return start and end without the spaces that a mouse selects with a word."""
    inner = text[chars.start : chars.end]
    start = chars.start + len(inner) - len(inner.lstrip())
    return start, start + len(inner.strip())


def _set_entities(doc: Doc, kept: Sequence[Span], unknown: Iterable[int], *, default: str) -> None:
    covered = {token.i for span in kept for token in span}
    missing = [doc[i : i + 1] for i in sorted(set(unknown) - covered)]
    doc.set_ents(list(kept), missing=missing, default=default)


def join_annotated(piece: Sequence[Annotated]) -> Doc:
    """Make one Doc of consecutive sentences, or of one text."""
    docs = [annotated.doc for annotated in piece]
    if len(docs) == 1:
        return docs[0]
    doc = Doc.from_docs(docs)
    doc.has_unknown_spaces = any(part.has_unknown_spaces for part in docs)
    return doc
