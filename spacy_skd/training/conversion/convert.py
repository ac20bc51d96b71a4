"""A treebank and raw text -> the corpora that training reads."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

import srsly
from spacy.tokens import Doc, DocBin

from ...disk import check_apart, check_folder, new_folder, refuse_stream, unchanged
from ...layers.entity_tags import log_repaired
from ..annotation import earlier
from ..progress import Progress, Report, silent
from .convert_counts import SPLITS, Counts, RawCounts, SplitCounts
from .documents import group_documents, split_documents
from .gold_files import read_gold
from .languages import blank_pipeline
from .leakage import MIN_WORDS, HeldOut
from .raw_text import REJECTS, Placed, RawText, append_reject, find_raw_files, read_texts
from .sentence import Sentence
from .withheld import leave_out_withheld

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
    merge_subtokens: bool = False,
    spans_key: str | None = None,
    overwrite: bool = False,
    report: Report = silent,
) -> Counts:
    """Convert annotated files to train.spacy, dev.spacy and test.spacy, and merge raw text.

    Files are CoNLL-U, JSON with offsets of characters as spaCy, Prodigy and doccano write it, or
    IOB (`gold_files`).

    Whole documents become Docs, long ones in pieces (`documents`). Sentences of train and texts of
    raw that stand in dev or test are left out (`leakage`). The folder also gets raw.jsonl, if there
    is raw text, rejects.jsonl, if some of its lines are unfit, and convert.json with the counts.
    Files appear in it only when all of them are complete.

    min_overlap: words of the shortest held-out sentence that a text may not contain.
    merge_subtokens: whether multiword tokens that the language's tokenizer does not split into
    the treebank's words become one token (training/conversion/multiwords.py).
    spans_key: the group of `doc.spans` that spans of JSON go to; None for entities, which do not
    overlap.
    report: called after each text of raw, in words.
    Raises ValueError for malformed input, naming file and line, and for an unknown language;
    FileNotFoundError; FileExistsError for an output folder that is not empty, or, with `overwrite`,
    holds anything but an earlier conversion.
    """
    check_apart(output, [train, dev, test, *raw])
    for path in (train, dev, test):
        refuse_stream(path)
    written: Any = {"by": "convert", "overwrite": overwrite, "earlier": earlier.converted}
    check_folder(output, **written)
    raw_files = find_raw_files(list(raw))
    nlp = blank_pipeline(lang)
    files = dict(zip(SPLITS, (train, dev, test)))
    golds = {name: read_gold(path, nlp, spans_key=spans_key) for name, path in files.items()}
    splits = {name: gold.sentences for name, gold in golds.items()}
    counts = {name: SplitCounts() for name in SPLITS}
    for name, file in files.items():
        splits[name], withheld = leave_out_withheld(splits[name], file)
        counts[name].withheld = len(withheld)
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
    with new_folder(output, **written) as folder, unchanged(raw_files):
        for name, file in files.items():
            pieces = split_documents(
                splits[name], sentences_per_doc=sentences_per_doc, max_words=max_words
            )
            docs = golds[name].make_docs(pieces, nlp, counts[name], merge_subtokens=merge_subtokens)
            _write_docs(docs, folder / f"{name}.spacy", counts[name])
            log_repaired(str(file), counts[name].repaired_entities)
            for unfit in golds[name].unfit:
                append_reject(unfit, folder / REJECTS)
            counts[name].unfit = len(golds[name].unfit)
        if raw_counts:
            _write_raw(raw_files, folder, held_out, raw_counts, report)
        result = Counts(**counts, raw=raw_counts)
        srsly.write_json(folder / COUNTS_FILE, asdict(result))
    return result


def _leave_out(
    sentences: Sequence[Sentence], held_out: HeldOut, counts: SplitCounts
) -> list[Sentence]:
    """Return the sentences that do not leak; the others are counted by how they do."""
    kept: list[Sentence] = []
    for sentence in sentences:
        leak = held_out.find(sentence.text)
        if leak is None:
            kept.append(sentence)
            continue
        counts.left_out[leak] += 1
        if kept:  # its neighbours must not be glued together
            kept[-1] = kept[-1].before_gap()
    if not kept:
        raise ValueError("every sentence of train stands in dev or test: nothing is left to learn")
    return kept


def _write_docs(docs: Iterable[Doc], path: Path, counts: SplitCounts) -> None:
    docs = list(docs)
    counts.docs, counts.words = len(docs), sum(map(len, docs))
    DocBin(docs=docs, store_user_data=any(doc.user_data for doc in docs)).to_disk(path)


def _write_raw(
    files: Sequence[Path], folder: Path, held_out: HeldOut, counts: RawCounts, report: Report
) -> None:
    """Write the raw text that does not leak. RAISES (ValueError): if every line is unfit."""
    reason, words = "", 0
    with (folder / RAW_FILE).open("w", encoding="utf8") as fit:
        for item in (item for file in files for item in read_texts(file)):
            if isinstance(item, Placed):
                _write_text(item.raw, fit, held_out, counts)
                words += item.raw.n_words
                report(Progress(words, 0, item.raw.n_words))
            elif item.reason:
                counts.rejected += 1
                reason = reason or f"{item.file}, line {item.number}: {item.reason}"
                append_reject(item, folder / REJECTS)
            else:
                counts.blank += 1
    if counts.rejected and not counts.texts and not any(counts.left_out.values()):
        raise ValueError(
            f"expected raw text, found {counts.rejected} unfit lines and no other. The first is "
            f"{reason}"
        )


def _write_text(raw: RawText, file: TextIO, held_out: HeldOut, counts: RawCounts) -> None:
    leak = held_out.find(raw.text)
    if leak is not None:
        counts.left_out[leak] += 1
        return
    line, n_nulls = raw.to_json()
    file.write(line + "\n")
    counts.texts += 1
    counts.words += raw.n_words
    counts.nulls += n_nulls
