"""Write documents as CoNLL-U; entities stand in MISC as `NE=B-PER` (BILUO, O omitted)."""

from collections.abc import Iterator

from .documents import Document
from .tree import Sentence, Token


def document_lines(document: Document) -> Iterator[str]:
    """The lines of a document (each ends with a newline), an empty line after each sentence."""
    for number, sentence in enumerate(document.sentences, start=1):
        if number == 1:
            yield f"# newdoc id = {document.name}\n"
        yield from sentence_lines(sentence, f"{document.name}-{number:02d}")


def sentence_lines(sentence: Sentence, name: str) -> Iterator[str]:
    """The lines of a sentence, comments first, an empty line last."""
    yield f"# sent_id = {name}\n# text = {sentence.text}\n"
    for number, token in enumerate(sentence.tokens, start=1):
        yield _token_line(number, token)
    yield "\n"


def _token_line(number: int, token: Token) -> str:
    form, lemma, upos, xpos, feats, head, deprel, ne, space_after = token
    misc = f"NE={ne}" if ne else ""
    if not space_after:
        misc = f"{misc}|SpaceAfter=No" if misc else "SpaceAfter=No"
    return (
        f"{number}\t{form}\t{lemma}\t{upos}\t{xpos}\t{feats}\t{head}\t{deprel}\t_\t{misc or '_'}\n"
    )
