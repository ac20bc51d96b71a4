"""Words per second and megabytes of pipelines, measured side by side."""

import time
from pathlib import Path
from statistics import median
from typing import Dict, List, Mapping, Sequence

from spacy.language import Language


def words_per_second(
    pipelines: Mapping[str, Language],
    texts: Sequence[str],
    *,
    batch_sizes: Sequence[int] = (64, 256),
    rounds: int = 3,
    threads: int = 1,
) -> Dict[str, float]:
    """From text, tokenizer included: median of some rounds, at each pipeline's best batch size.

    The pipelines take turns within each round, so that whatever else the machine does hits all.
    threads (int): of BLAS and OpenMP.
    RAISES (ValueError): if threadpoolctl is not installed (extra `[report]`).
    """
    try:
        from threadpoolctl import threadpool_limits
    except ImportError as error:
        raise ValueError("measuring speed needs: pip install 'spacy-skd[report]'") from error
    times: Dict[str, Dict[int, List[float]]] = {
        name: {size: [] for size in batch_sizes} for name in pipelines
    }
    with threadpool_limits(threads):
        for nlp in pipelines.values():
            list(nlp.pipe(texts[: max(1, len(texts) // 20)]))  # caches, lazy imports
        for _ in range(rounds):
            for name, nlp in pipelines.items():
                for size in batch_sizes:
                    start = time.perf_counter()
                    for _ in nlp.pipe(texts, batch_size=size):
                        pass
                    times[name][size].append(time.perf_counter() - start)
    make_doc = next(iter(pipelines.values())).make_doc
    words = sum(len(make_doc(text)) for text in texts)
    return {
        name: words / min(median(found) for found in by_size.values())
        for name, by_size in times.items()
    }


def megabytes(folder: Path) -> float:
    """RETURNS (float): size of all files of a folder, in 10**6 bytes."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
