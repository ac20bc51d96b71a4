"""A treebank and raw text -> the corpora that training reads."""

import os
import tempfile
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Sequence

import spacy
import srsly
from spacy.language import Language
from spacy.tokens import DocBin
from spacy.vocab import Vocab

from ..pipeline.entity_tags import log_repaired
from .conllu import Sentence
from .convert_counts import SPLITS, Counts, RawCounts, SplitCounts
from .documents import group_documents, make_doc, split_documents
from .gold_files import read_gold
from .leakage import MIN_WORDS, HeldOut
from .raw_text import RawText, find_raw_files, read_raw

RAW_FILE = "raw.jsonl"
COUNTS_FILE = "convert.json"


def convert(
    train: Path,
    dev: Path,
    test: Path,
    output: Path,
    *,
    raw: Sequence[Path] = (),
    lang: str = "en",
    sentences_per_doc: int = 10,
    max_words: int = 0,
    min_overlap: int = MIN_WORDS,
    overwrite: bool = False,
) -> Counts:
    """Convert CoNLL-U files to train.spacy, dev.spacy and test.spacy, and merge raw text.

    Whole documents become Docs, long ones in pieces (training/documents.py). Sentences of train
    and texts of raw that stand in dev or test are left out (training/leakage.py). The folder also
    gets raw.jsonl, if there is raw text, and convert.json with the counts. Files appear in it
    only when all of them are complete.

    min_overlap: words of the shortest held-out sentence that a text may not contain.
    Raises ValueError for malformed input, naming file and line, and for an unknown language;
    FileNotFoundError; FileExistsError for an output folder that is not empty.
    """
    _check_output(output, overwrite=overwrite)
    raw_files = find_raw_files(list(raw))
    nlp = blank_pipeline(lang)
    files = dict(zip(SPLITS, (train, dev, test)))
    splits = {name: list(read_gold(path, nlp)) for name, path in files.items()}
    counts = {name: SplitCounts() for name in SPLITS}
    for name in SPLITS:
        counts[name].documents = sum(1 for _ in group_documents(splits[name]))
    held_out = HeldOut(
        (
            [s.text for s in document]
            for name in SPLITS[1:]
            for document in group_documents(splits[name])
        ),
        min_words=min_overlap,
    )
    splits["train"] = _leave_out(splits["train"], held_out, counts["train"])
    raw_counts = RawCounts() if raw_files else None
    with _all_or_nothing(output) as folder:
        for name, file in files.items():
            pieces = split_documents(
                splits[name], sentences_per_doc=sentences_per_doc, max_words=max_words
            )
            _write_docs(pieces, folder / f"{name}.spacy", nlp.vocab, counts[name])
            log_repaired(str(file), counts[name].repaired_entities)
        if raw_counts:
            texts = _filter_raw(read_raw(raw_files), held_out, raw_counts)
            srsly.write_jsonl(folder / RAW_FILE, texts)
        result = Counts(**counts, raw=raw_counts)
        srsly.write_json(folder / COUNTS_FILE, asdict(result))
    return result


def _check_output(output: Path, *, overwrite: bool) -> None:
    if output.exists() and not output.is_dir():
        raise FileExistsError(f"{output}: expected a folder to write to, found a file")
    if output.is_dir() and any(output.iterdir()) and not overwrite:
        raise FileExistsError(
            f"{output}: the folder is not empty. Choose another, or pass --overwrite to replace "
            "an earlier conversion in it."
        )


def blank_pipeline(lang: str) -> Language:
    """The language's tokenizer. RAISES (ValueError): if spaCy has no such language."""
    try:
        return spacy.blank(lang)
    except ImportError as error:
        raise ValueError(f"lang: expected a language code of spaCy, found {lang!r}") from error


def _leave_out(
    sentences: Sequence[Sentence], held_out: HeldOut, counts: SplitCounts
) -> List[Sentence]:
    """The sentences that do not leak; the others are counted by how they do."""
    kept: List[Sentence] = []
    for sentence in sentences:
        leak = held_out.find(sentence.text)
        if leak is None:
            kept.append(sentence)
            continue
        counts.left_out[leak] += 1
        if kept:  # its neighbours must not be glued together
            kept[-1] = replace(kept[-1], spaces=[*kept[-1].spaces[:-1], True])
    if not kept:
        raise ValueError("every sentence of train stands in dev or test: nothing is left to learn")
    return kept


def _write_docs(
    pieces: Iterable[List[Sentence]], path: Path, vocab: Vocab, counts: SplitCounts
) -> None:
    pieces = list(pieces)
    sentences = [sentence for piece in pieces for sentence in piece]
    with_morphs = any(morph for sentence in sentences for morph in sentence.morphs)
    with_entities = any(tag for sentence in sentences for tag in sentence.entities)
    docs = DocBin()
    for piece in pieces:
        docs.add(make_doc(vocab, piece, with_morphs=with_morphs, with_entities=with_entities))
    docs.to_disk(path)
    counts.docs = len(docs)
    counts.sentences = len(sentences)
    counts.words = sum(len(sentence.words) for sentence in sentences)
    counts.unspelled = sum(sentence.n_unspelled for sentence in sentences)
    counts.repaired_entities = sum(sentence.n_repaired for sentence in sentences)


def _filter_raw(
    texts: Iterable[RawText], held_out: HeldOut, counts: RawCounts
) -> Iterator[Dict[str, Any]]:
    for raw in texts:
        leak = held_out.find(raw.text)
        if leak is not None:
            counts.left_out[leak] += 1
            continue
        counts.texts += 1
        counts.words += raw.n_words
        yield {"text": raw.text, "meta": raw.meta}


@contextmanager
def _all_or_nothing(output: Path) -> Iterator[Path]:
    """A folder to write to, whose files replace those of `output` if the block ends well.

    Files of an earlier conversion that this one did not write are removed: a raw.jsonl filtered
    for another test set must not stay beside the new one.
    """
    is_new = not output.exists()
    output.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix=".convert-", dir=output) as name:
            yield Path(name)
            for file in [*(f"{split}.spacy" for split in SPLITS), RAW_FILE, COUNTS_FILE]:
                if (Path(name) / file).exists():
                    os.replace(Path(name) / file, output / file)
                else:
                    (output / file).unlink(missing_ok=True)
    except BaseException:
        if is_new:
            output.rmdir()
        raise
