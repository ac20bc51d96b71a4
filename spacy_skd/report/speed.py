"""Words per second and megabytes of pipelines, measured side by side."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

import srsly
from spacy.language import Language

from ..disk import files_below
from ..models.embedding.own_vectors import NAME

VECTOR_FILES = [("vocab", name) for name in ("vectors", "vectors.cfg", "key2row")]


def words_per_second(
    pipelines: Mapping[str, Language],
    texts: Sequence[str],
    *,
    batch_sizes: Sequence[int] = (64, 256),
    rounds: int = 3,
    threads: int = 1,
) -> dict[str, float]:
    """From text, tokenizer included: median of some rounds, at each pipeline's best batch size.

    The pipelines take turns within each round, so that whatever else the machine does hits all;
    another one begins each time, so that no place in the order favours one.
    Each round and batch size has texts of its own, so that no pipeline gains by having met them:
    a student keeps the vectors of words that it has seen, as it would in any long text. Words are
    those of the first pipeline's tokenizer, for all, whatever its components merge. The first
    tenth of a turn is not timed: it brings back what the pipeline before has driven out of the
    processor's caches, which costs the fastest the most. A turn of less than 10 texts is timed
    whole.

    texts (Sequence[str]): in an order without meaning; every so-manieth goes to the same round.
    threads (int): of BLAS and OpenMP.
    RAISES (ValueError): if there are too few texts, or threadpoolctl is not installed.
    """
    try:
        from threadpoolctl import threadpool_limits
    except ImportError as error:
        raise ValueError("measuring speed needs: pip install threadpoolctl") from error
    n_turns = rounds * len(batch_sizes)
    if len(texts) < n_turns:
        raise ValueError(f"speed: expected {n_turns} texts or more, got {len(texts)}")
    turns = [texts[i::n_turns] for i in range(n_turns)]
    seconds: dict[str, list[float]] = {name: [] for name in pipelines}
    with threadpool_limits(threads):
        for nlp in pipelines.values():
            list(nlp.pipe(texts[: max(1, len(texts) // 20)]))  # lazy imports
        for turn, some in enumerate(turns):
            size = batch_sizes[turn % len(batch_sizes)]
            n_untimed = len(some) // 10
            first = turn % len(pipelines)
            for name, nlp in [*pipelines.items()][first:] + [*pipelines.items()][:first]:
                for _ in nlp.pipe(some[:n_untimed], batch_size=size):
                    pass
                start = time.perf_counter()
                for _ in nlp.pipe(some[n_untimed:], batch_size=size):
                    pass
                seconds[name].append(time.perf_counter() - start)
    reference = next(iter(pipelines.values()))
    words = [_n_words(reference, some[len(some) // 10 :]) for some in turns]
    speeds = {name: [n / s for n, s in zip(words, times)] for name, times in seconds.items()}
    n_sizes = len(batch_sizes)
    return {
        name: max(median(found[size::n_sizes]) for size in range(n_sizes))
        for name, found in speeds.items()
    }


def _n_words(nlp: Language, texts: Sequence[str]) -> int:
    return sum(len(nlp.make_doc(text)) for text in texts)


def megabytes(folder: Path, *, vectors: bool = True) -> float:
    """Size of all files of a folder, in 10**6 bytes.

    folder (Path): of a pipeline, as it is saved, for the sake of `vectors`.
    vectors (bool): with its word vectors and the rows of their keys. Their words are strings of its
        vocab, which count in either case.
    """
    paths = list(files_below(folder))
    if not vectors:
        paths = [path for path in paths if path.relative_to(folder).parts not in VECTOR_FILES]
    n_bytes = sum(path.stat().st_size for path in paths)
    if not vectors:
        n_bytes -= sum(_held_bytes(path) for path in paths if path.name == "model")
    return n_bytes / 1e6


def _held_bytes(model: Path) -> int:
    """Of the static vectors that a saved model holds itself."""
    try:
        saved = srsly.msgpack_loads(model.read_bytes())
        pairs = list(zip(saved["nodes"], saved["attrs"]))
    except (ValueError, KeyError, TypeError):  # another library's
        return 0
    return sum(len(attrs.get("vectors", b"")) for node, attrs in pairs if node["name"] == NAME)
