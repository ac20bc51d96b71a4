"""CoNLL-U as a file of gold."""

from collections.abc import Iterable, Iterator, Sequence

from spacy.language import Language
from spacy.tokens import Doc

from .convert_counts import SplitCounts
from .documents import make_doc
from .gold_file import GoldFile
from .multiwords import count_not_made, merge, multiwords_of, set_multiwords, unlike
from .sentence import Sentence


class Treebank(GoldFile):
    """Sentences with trees, tags and features."""

    sentences: list[Sentence]

    def make_docs(
        self,
        pieces: Iterable[Sequence[Sentence]],
        nlp: Language,
        counts: SplitCounts,
        *,
        merge_subtokens: bool,
    ) -> Iterator[Doc]:
        pieces = list(pieces)
        sentences = [sentence for piece in pieces for sentence in piece]
        with_morphs = any(morph for sentence in sentences for morph in sentence.morphs)
        with_entities = any(tag for sentence in sentences for tag in sentence.entities)
        for sentence in sentences:
            counts.add_sentence(sentence)
        for piece in pieces:
            doc = make_doc(nlp.vocab, piece, with_morphs=with_morphs, with_entities=with_entities)
            if merge_subtokens:
                merged = merge(doc, unlike(doc, nlp.tokenizer))
                counts.merged += len(multiwords_of(doc)) - len(multiwords_of(merged))
                doc = merged
            # The others need no note: their text is the treebank's.
            set_multiwords(doc, [m for m in multiwords_of(doc) if not m.is_spelled])
            counts.unspelled += len(multiwords_of(doc))
            counts.not_tokenized += count_not_made(doc, nlp.tokenizer)
            yield doc
