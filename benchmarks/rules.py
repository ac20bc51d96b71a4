"""Measure the rules of a pipeline, spaCy's own against the fast ones: time a word, annotation.

    python benchmarks/rules.py path/to/en_core_web_sm path/to/raw.jsonl --words 100000

Both read the same docs, which the components before the rules have annotated. Each turn is of other
text, the systems taking turns at being first; the first turn, with nothing remembered yet, is shown
apart. Times are of the process, on one thread.
"""

import argparse
import gc
import json
import time
import warnings
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from statistics import median

import spacy
from spacy.attrs import IDS
from spacy.language import Language
from spacy.tokens import Doc

from spacy_skd.rules import make_fast

COMPARED = [IDS[name] for name in ("TAG", "POS", "MORPH", "LEMMA", "DEP", "NORM", "ENT_TYPE")]
BATCH = 256  # docs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pipeline")
    parser.add_argument("texts", type=Path, help="JSONL with `text`")
    parser.add_argument("--words", type=int, default=100_000, help="of each turn")
    parser.add_argument("--turns", type=int, default=6)
    options = parser.parse_args()
    with options.texts.open(encoding="utf8") as lines:
        texts = (str(json.loads(line)["text"]) for line in lines)
        turns = list(compare(options.pipeline, texts, turns=options.turns, words=options.words))
    print("\n".join(lines_of(turns)))


def compare(
    path: str, texts: Iterable[str], *, turns: int, words: int
) -> Iterator[dict[str, dict[str, float]]]:
    """Yield, for each turn, by component the microseconds a word of spaCy's own ("stock") and of
    ours ("fast"). words (int): of a turn, about.

    RAISES (SystemExit): if there is no such component, or the two annotate differently.
    """
    stock, fast = spacy.load(path), spacy.load(path)
    names = [name for name in make_fast(fast) if name in fast.pipe_names]
    if not names:
        raise SystemExit(f"{path}: expected an attribute_ruler or a lemmatizer of spaCy's own")
    for turn, docs in enumerate(islice(batches_of(stock, texts, names, words), turns)):
        systems = {"stock": stock, "fast": fast}
        copies = {system: [doc.copy() for doc in docs] for system in systems}
        times: dict[str, dict[str, float]] = {name: {} for name in names}
        for name in names:
            for system in list(systems)[:: -1 if turn % 2 else 1]:
                seconds = run(systems[system], name, copies[system])
                times[name][system] = 1e6 * seconds / sum(map(len, docs))
        for one, other in zip(*copies.values()):
            if (one.to_array(COMPARED) != other.to_array(COMPARED)).any():
                raise SystemExit(f"different annotation of {one.text!r}")
        yield times


def batches_of(
    nlp: Language, texts: Iterable[str], names: Sequence[str], words: int
) -> Iterator[list[Doc]]:
    """Yield docs on which all components have run but the rules and what follows them."""
    first = min(map(nlp.pipe_names.index, names))
    docs: list[Doc] = []
    with nlp.select_pipes(enable=nlp.pipe_names[:first]):
        for doc in nlp.pipe(texts):
            docs.append(doc)
            if sum(map(len, docs)) >= words:
                yield docs
                docs = []


def run(nlp: Language, name: str, docs: list[Doc]) -> float:
    """Return the seconds of the process in which a component annotates docs."""
    pipe = nlp.get_pipe(name)
    gc.collect()
    gc.disable()
    start = time.process_time()
    for _ in pipe.pipe(docs, batch_size=BATCH):
        pass
    seconds = time.process_time() - start
    gc.enable()
    return seconds


def lines_of(turns: Sequence[dict[str, dict[str, float]]]) -> Iterator[str]:
    """Return a table: the first turn, and the median of all that follow."""
    later = turns[1:] or turns
    yield "| us a word | spaCy's | fast | ratio |\n|---|---|---|---|"
    for title, some in (("first", turns[:1]), ("later", later)):
        totals = {"stock": 0.0, "fast": 0.0}
        for name in turns[0]:
            of_system = {key: median(turn[name][key] for turn in some) for key in totals}
            totals = {key: totals[key] + of_system[key] for key in totals}
            yield row(f"{name}, {title}", of_system)
        yield row(f"together, {title}", totals)


def row(title: str, times: dict[str, float]) -> str:
    stock, fast = times["stock"], times["fast"]
    return f"| {title} | {stock:.2f} | {fast:.2f} | 1/{stock / fast:.1f} |"


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
