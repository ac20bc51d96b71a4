"""What `spacy skd search` finds against the hand-made preset, under the preset's own speed.

    python benchmarks/search.py corpus/ewt work/ewt work/search --seeds 0 1 2

`work/ewt` has what `ewt.py teacher annotate vectors small` made. Its `small_0` is the budget: what
is found may read two in a hundred words less a second, as such measurements differ. Both are
then trained by the whole schedule of `spacy skd init`, with each seed, and scored on dev; words per
second of the two are measured in turns. The search goes on after an interruption, as the cells do.
"""

import argparse
import json
from pathlib import Path
from statistics import mean

import spacy
from cells import Cells
from spacy.tokens import DocBin
from thinc.api import Config

from spacy_skd.cli.init import init
from spacy_skd.cli.searching.request import Request
from spacy_skd.cli.searching.run import search
from spacy_skd.cli.searching.sizing import speed_of
from spacy_skd.report.scores import read_docs, score
from spacy_skd.report.speed import megabytes, words_per_second

LEAST = 0.98  # of the preset's speed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("made", type=Path, help="of ewt.py")
    parser.add_argument("work", type=Path)
    parser.add_argument("--preset", default="small")
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--effort", type=float, default=0.5)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options = parser.parse_args()
    dev = options.corpus / "dev.spacy"
    texts = [doc.text for doc in DocBin().from_disk(dev).get_docs(spacy.blank("en").vocab)]
    cells = Cells(options.work)
    given = {"teacher": str(options.made / "teacher" / "model-best"), "preset": options.preset}
    store, vectors = str(options.made / "annotated"), str(options.made / "vectors")
    hand_made = options.made / f"{options.preset}_0" / "model-best"
    budget = cells.run(
        "budget",
        str(hand_made),
        lambda: {"words_per_second": LEAST * speed_of(hand_made, texts)},
    )
    request = Request(
        **given,
        dev=dev,
        words_per_second=budget["words_per_second"],
        store=(store,),
        vectors=vectors,
        trials=options.trials,
        effort=options.effort,
    )
    search(request, options.work / "found", say=lambda text: print(text, flush=True))
    configs = {
        options.preset: init(**given, store=store, vectors=vectors, dev=str(dev))[0],
        "found": Config().from_disk(options.work / "found" / "student.cfg", interpolate=False),
    }

    def scored(best: Path) -> dict[str, object]:
        nlp = spacy.load(best)
        scores = score(nlp, read_docs(dev, nlp), setting="predicted_sentences")
        return {"dev": scores, "megabytes": megabytes(best)}

    results = {
        name: [
            cells.train(f"{name}_{n}", config, {"system.seed": n}, scored) for n in options.seeds
        ]
        for name, config in configs.items()
    }
    pipelines = {
        name: spacy.load(options.work / f"{name}_{options.seeds[0]}" / "model-best")
        for name in configs
    }
    speeds = words_per_second(pipelines, texts, rounds=5)
    for name, of_seeds in results.items():
        measures = [measure for measure in of_seeds[0]["dev"] if measure != "speed"]
        means = {m: round(100 * mean(each["dev"][m] for each in of_seeds), 2) for m in measures}
        told = {"words/s": round(speeds[name]), "MB": round(of_seeds[0]["megabytes"], 1), **means}
        print(name, json.dumps(told))


if __name__ == "__main__":
    main()
