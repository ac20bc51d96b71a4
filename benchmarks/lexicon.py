"""What a lexicon costs, and what it is worth for entities: `small`, its tok2vec and entities alone.

    python benchmarks/lexicon.py speed path/to/english.jsonl
    python benchmarks/lexicon.py gain path/to/wikiann-en --seeds 0 1

`speed`: time of prediction with a lexicon over time without, in turns, CPU time of one process. The
phrases are the sequences of two to four capitalized words of the text, and up to `--phrases` others
of words of the text at random.
`gain`: short trainings on the first `--labelled` sentences of `train.conll`, gold alone and no
teacher; the lexicon has the entities of the rest of train, as somebody's lists have names that are
in no labelled text; with `--coverage`, also such a share of the names of the labelled sentences and
of dev, as if it were a list of the field. F1 on the first `--dev` sentences of `dev.conll`, and the
share of gold entities that are found: of those in the labelled sentences, of others that are in the
lexicon, and of those in neither.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any
from zlib import crc32

import numpy
import spacy
from ner import make_doc, read_iob
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import fix_random_seed, load_model_from_config, minibatch
from thinc.api import Adam, Config

from spacy_skd.report.bootstrap import f1
from spacy_skd.training.configs.presets import LISTENER, PRESETS
from spacy_skd.training.configs.with_lexicon import with_lexicon
from spacy_skd.training.conversion.raw_text import read_raw

ROUNDS = 7
CHUNK = 500  # docs of a turn


def pipeline(examples: list[Example], *, lexicon: Path | None, seed: int = 0) -> Language:
    """An initialized `small` that annotates entities."""
    model = {"@architectures": "spacy-skd.ChainScorer.v1", "nO": None, "tok2vec": LISTENER}
    components: dict[str, Any] = {
        "tok2vec": {"factory": "tok2vec", "model": PRESETS["small"].tok2vec(vectors=False)},
        "ner": {"factory": "distilling_tagger", "layer": "ents", "needs_teacher": False,
                "structure": "linear_chain", "model": model},
    }  # fmt: skip
    config = Config(
        {
            **spacy.blank("en").config,
            "paths": {"vectors": None},
            "nlp": {**spacy.blank("en").config["nlp"], "pipeline": list(components)},
            "components": components,
        }
    )
    if lexicon is not None:
        config = with_lexicon(config, str(lexicon))
    fix_random_seed(seed)
    nlp = load_model_from_config(config, auto_fill=True)
    nlp.initialize(lambda: examples)
    return nlp


def speed(options: argparse.Namespace) -> None:
    blank = spacy.blank("en")
    texts = [raw.text for _, raw in zip(range(options.docs), read_raw(options.source))]
    docs = [blank.make_doc(text) for text in texts]
    rng = numpy.random.default_rng(0)
    pool: dict[str, None] = {}
    known: set[str] = set()
    for raw in read_raw(options.source):
        words = raw.text.split()
        for length in range(2, 5):
            for start in range(len(words) - length + 1):
                phrase = words[start : start + length]
                if all(word.istitle() for word in phrase):
                    pool[" ".join(phrase)] = None
        known.update(words)
    vocabulary = sorted(known)
    pool = dict.fromkeys(rng.permutation(list(pool))[: options.phrases].tolist())
    while len(pool) < options.phrases:
        pool[" ".join(vocabulary[i] for i in rng.integers(len(vocabulary), size=3))] = None
    names = rng.choice(["A", "B", "C", "D"], len(pool)).tolist()
    gold = make_doc(blank, ["Ann", "sees", "Oslo"], ["B-PER", "O", "B-LOC"])
    examples = [Example(Doc(blank.vocab, ["Ann", "sees", "Oslo"]), gold)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lexicon.jsonl"
        write(path, zip(pool, names))
        begun = time.process_time()
        pair = [pipeline(examples, lexicon=each) for each in (None, path)]
        print(f"read and initialized in {time.process_time() - begun:.1f} s")
    for node in pair[1].get_pipe("tok2vec").model.walk():
        if node.name == "lexicon_embed":
            found = node.attrs["lexicon"].lexicon
            covered = len(set(found.find(docs).positions()[0].tolist()))
            node.set_param("E", rng.normal(size=node.get_param("E").shape).astype("float32"))
    n_words = sum(map(len, docs))
    print(f"{len(found):,} phrases; of {n_words:,} tokens {covered / n_words:.0%} are in one")
    seconds: list[list[float]] = [[], []]
    for turn in range(ROUNDS):
        for which, nlp in enumerate(pair):
            copies = [Doc(nlp.vocab, [t.text for t in doc]) for doc in docs]
            begun = time.process_time()
            for _ in nlp.pipe(copies, batch_size=CHUNK):
                pass
            if turn:  # the first fills the tables of words
                seconds[which].append(time.process_time() - begun)
    plain, more = map(min, seconds)
    ratios = [b / a for a, b in zip(*seconds)]
    print(f"without {1e6 * plain / n_words:.2f}, with {1e6 * more / n_words:.2f} us a token")
    print(f"ratio of the best {more / plain:.3f}, median of ratios {median(ratios):.3f}")


def write(path: Path, entries: Any) -> None:
    with path.open("w", encoding="utf8") as file:
        for phrase, name in entries:
            file.write(json.dumps({"phrase": phrase, "classes": [name]}) + "\n")


def gain(options: argparse.Namespace) -> None:
    blank = spacy.blank("en")
    train, dev = (
        [make_doc(blank, *each) for each in read_iob(options.source / f"{name}.conll")]
        for name in ("train", "dev")
    )
    held_out = {doc.text.lower() for doc in dev}
    train = [doc for doc in train if doc.text.lower() not in held_out]
    labelled, rest, dev = train[: options.labelled], train[options.labelled :], dev[: options.dev]
    seen, listed = set(entities(labelled)), set(entities(rest))
    # By a digest, so that a name is in it wherever it stands.
    names = {*seen, *entities(dev)}
    listed |= {each for each in names if crc32(repr(each).encode()) < options.coverage * 2**32}
    print(f"{len(listed):,} entries of the lexicon, {len(seen):,} entities in labelled sentences")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lexicon.jsonl"
        write(path, ((" ".join(words), name) for words, name in sorted(listed)))
        for seed in options.seeds:
            for lexicon in (None, path):
                nlp = trained(labelled, lexicon=lexicon, seed=seed, words=options.words)
                row = scores(nlp, dev, seen, listed)
                print(f"seed {seed} {'with' if lexicon else 'without':8} {row}", flush=True)


def entities(docs: list[Doc]) -> Iterator[tuple[tuple[str, ...], str]]:
    for doc in docs:
        yield from ((tuple(t.lower_ for t in ent), ent.label_) for ent in doc.ents)


def trained(docs: list[Doc], *, lexicon: Path | None, seed: int, words: int) -> Language:
    examples = [Example(Doc(doc.vocab, [t.text for t in doc]), doc) for doc in docs]
    nlp = pipeline(examples, lexicon=lexicon, seed=seed)
    rng, seen = numpy.random.default_rng(seed), 0
    optimizer = Adam(0.0, L2=0.01, grad_clip=1.0, L2_is_weight_decay=True)
    rate = PRESETS["small"].learn_rate
    while seen < words:
        order = [examples[i] for i in rng.permutation(len(examples)).tolist()]
        for batch in minibatch(order, size=32):
            # Up in a tenth of the words, then down to 0.
            optimizer.learn_rate = rate * min(10 * seen / words, 1 - seen / words) + 1e-5
            nlp.update(
                [Example(Doc(nlp.vocab, [t.text for t in eg.x]), eg.y) for eg in batch],
                sgd=optimizer,
            )
            seen += sum(len(eg.x) for eg in batch)
            if seen >= words:
                break
    return nlp


def scores(nlp: Language, dev: list[Doc], seen: set[Any], listed: set[Any]) -> str:
    counts, kinds = numpy.zeros(3), numpy.zeros((3, 2))
    for doc, gold in zip(nlp.pipe(Doc(nlp.vocab, [t.text for t in d]) for d in dev), dev):
        found, right = (
            {(ent.start, ent.end, ent.label_) for ent in each.ents} for each in (doc, gold)
        )
        counts += len(found & right), len(found), len(right)
        for ent, entity in zip(gold.ents, entities([gold])):
            kind = 0 if entity in seen else 1 if entity in listed else 2
            kinds[kind] += 1, (ent.start, ent.end, ent.label_) in found
    shares = " ".join(
        f"{name} {100 * hits / max(1, n):.1f} % of {n:.0f}"
        for name, (n, hits) in zip(("seen", "listed", "neither"), kinds)
    )
    return f"F1 {100 * float(f1(counts)):.1f}; found of gold: {shares}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("action", choices=["speed", "gain"])
    parser.add_argument("source", type=Path, help="speed: raw text; gain: folder of IOB2 files")
    parser.add_argument("--phrases", type=int, default=100_000)
    parser.add_argument("--docs", type=int, default=500)
    parser.add_argument("--labelled", type=int, default=3000)
    parser.add_argument("--dev", type=int, default=1500)
    parser.add_argument("--words", type=int, default=120_000, help="seen in each training")
    parser.add_argument(
        "--coverage", type=float, default=0.0, help="share of all names that the lexicon has"
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    options = parser.parse_args()
    {"speed": speed, "gain": gain}[options.action](options)


if __name__ == "__main__":
    main()
