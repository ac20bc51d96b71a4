"""Marginals of structures: speed beside other libraries, accuracy, and time against size.

    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python benchmarks/structures.py docs

writes structures.json, structures.svg and structures.md there. Needs requirements-structures.txt.
Times are CPU seconds of one thread, the best of several, systems taking turns; only ratios within a
run mean anything on a machine that others use.
"""

import argparse
import json
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import torch

from spacy_skd.structures import (
    FlatSegments,
    HeadSelection,
    IndependentLabels,
    LinearChain,
    Parts,
    ProjectiveTrees,
    SpanningTrees,
    Structure,
    tie,
)

try:
    import mpmath
    import torch_struct
except ImportError:  # requirements-structures.txt
    torch_struct = None

torch.set_num_threads(1)

ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
UNITS = 64
CHAIN_TOKENS, CHAIN_LABELS = 30, (9, 17, 50)
TREE_TOKENS = 40
ROUNDS, FEWEST, MOST_SECONDS = 20, 3, 30.0
DIGITS = 120
CALLS, LONG = 5, 0.5  # of a turn; seconds of a call after which it has no more
LENGTHS = (10, 20, 40, 80, 160, 400)
LABELS = (5, 9, 17, 33, 50, 100)
PEAKS = (0.0, 10.0, 15.0, 20.0, 30.0, 36.0, 40.0, 60.0)
Times = dict[str, float]


def best_of(systems: dict[str, Callable[[], Any]], rounds: int) -> Times:
    """Seconds of each system, the best of all calls. They take turns of some calls each, of which
    the first finds the caches full of another's data; fewer turns where they would take long."""
    found: dict[str, list[float]] = {name: [] for name in systems}
    for turn in range(rounds):
        if turn >= FEWEST and sum(map(sum, found.values())) > MOST_SECONDS:
            break
        for name, run in systems.items():
            for _ in range(CALLS):
                start = time.process_time()
                run()
                found[name].append(time.process_time() - start)
                if found[name][-1] > LONG:
                    break
    return {name: min(seconds) for name, seconds in found.items()}


# --- scores -------------------------------------------------------------------------------------


def chain_scores(n: int, n_labels: int, units: int = UNITS) -> Parts:
    rng = numpy.random.default_rng(0)
    unary = (rng.normal(size=(units, n, n_labels)) * 2).astype("float32")
    transition = tie(rng.normal(size=(n_labels, n_labels)).astype("float32"), units)
    return Parts({"unary": unary, "transition": transition}, numpy.full(units, n))


def arc_scores(n: int, units: int = UNITS) -> Parts:
    rng = numpy.random.default_rng(0)
    arc = (rng.normal(size=(units, n, n + 1)) * 2).astype("float32")
    return Parts({"arc": arc}, numpy.full(units, n))


def span_scores(n: int, n_labels: int, width: int, units: int = UNITS) -> Parts:
    rng = numpy.random.default_rng(0)
    span = rng.normal(size=(units, n, width, n_labels)) * 2 - 4
    return Parts({"span": span.astype("float32")}, numpy.full(units, n))


# --- peers --------------------------------------------------------------------------------------


def log_space_chain(emissions: Any, transitions: Any) -> Any:
    """As pytorch-crf computes its normaliser, and autograd its marginals.

    emissions: (B, N, C), transitions: (C, C). RETURNS: gradients of the sum of log Z at both.
    """
    emissions = emissions.detach().transpose(0, 1).contiguous().requires_grad_(True)
    transitions = transitions.detach().requires_grad_(True)
    mask = torch.ones(emissions.shape[:2], dtype=torch.bool)
    score = emissions[0]
    for i in range(1, len(emissions)):
        pairs = score.unsqueeze(2) + transitions + emissions[i].unsqueeze(1)
        score = torch.where(mask[i].unsqueeze(1), torch.logsumexp(pairs, dim=1), score)
    log_z = torch.logsumexp(score, dim=1)
    return torch.autograd.grad(log_z.sum(), [emissions, transitions])


def struct_chain(potentials: Any) -> Any:
    """potentials: (B, N - 1, C, C) of [next label, label]."""
    return torch_struct.LinearChainCRF(potentials).marginals


def chain_potentials(scores: Parts) -> Any:
    unary = torch.tensor(scores.arrays["unary"])
    pairs = torch.tensor(scores.arrays["transition"][0]).T[None, None] + unary[:, 1:, :, None]
    pairs[:, 0] += unary[:, 0, None, :]
    return pairs.contiguous()


def arc_potentials(scores: Parts) -> Any:
    """(B, N, N) of [head, dependent], ROOT's on the diagonal."""
    arc = torch.tensor(scores.arrays["arc"])
    potentials = arc[:, :, 1:].transpose(1, 2).contiguous()
    index = torch.arange(arc.shape[1])
    potentials[:, index, index] = arc[:, :, 0]
    return potentials


def as_arcs(marginals: Any) -> numpy.ndarray:
    """The inverse of `arc_potentials`."""
    found = marginals.detach().numpy()
    index = numpy.arange(found.shape[1])
    inner = found.transpose(0, 2, 1).copy()
    inner[:, index, index] = 0.0
    return numpy.concatenate([found[:, index, index, None], inner], axis=2)


def non_projective(potentials: Any) -> Any:
    return torch_struct.NonProjectiveDependencyCRF(potentials, multiroot=False).marginals


def projective(potentials: Any) -> Any:
    # with this torch it runs on potentials that require a gradient only
    potentials = potentials.detach().requires_grad_(True)
    return torch_struct.DependencyCRF(potentials, multiroot=False).marginals


# --- speed beside peers -------------------------------------------------------------------------


def compare(ours: Callable[[], Any], peers: dict[str, Callable[[], Any]], rounds: int) -> Any:
    times = best_of({"ours": ours, **peers}, rounds)
    ratios = {name: times[name] / times["ours"] for name in peers}
    return {"seconds": times, "times_faster": ratios}


def compare_chain(n_labels: int, rounds: int) -> Any:
    scores = chain_scores(CHAIN_TOKENS, n_labels)
    emissions = torch.tensor(scores.arrays["unary"])
    transitions = torch.tensor(scores.arrays["transition"][0])
    potentials = chain_potentials(scores)
    unary = LinearChain().infer(scores)[1].arrays["unary"]
    theirs = log_space_chain(emissions, transitions)[0].transpose(0, 1).numpy()
    numpy.testing.assert_allclose(unary, theirs, atol=2e-4)  # theirs are off by float32
    pairs = struct_chain(potentials).detach().numpy()
    numpy.testing.assert_allclose(unary[:, 1:], pairs.sum(axis=3), atol=2e-4)
    return compare(
        lambda: LinearChain().infer(scores),
        {
            "log-space loop": lambda: log_space_chain(emissions, transitions),
            "torch-struct": lambda: struct_chain(potentials),
        },
        rounds,
    )


def compare_trees(structure: Structure, peer: Callable, atol: float, rounds: int) -> Any:
    scores = arc_scores(TREE_TOKENS)
    potentials = arc_potentials(scores)
    arc = structure.infer(scores)[1].arrays["arc"]
    numpy.testing.assert_allclose(arc, as_arcs(peer(potentials)), atol=atol)
    return compare(
        lambda: structure.infer(scores), {"torch-struct": lambda: peer(potentials)}, rounds
    )


# --- accuracy -----------------------------------------------------------------------------------


def exact_trees(arc: numpy.ndarray, digits: int = DIGITS) -> numpy.ndarray:
    """Marginals (n, n + 1) of single-rooted trees, by the matrix-tree theorem in many digits."""
    with mpmath.workdps(digits):
        n = len(arc)
        w = [[mpmath.exp(mpmath.mpf(float(x))) for x in row] for row in arc]
        laplacian = mpmath.matrix(n, n)
        for d in range(n):
            others = [h for h in range(1, n + 1) if h != d + 1]
            laplacian[d, d] = mpmath.fsum(w[d][h] for h in others)
            for h in others:
                laplacian[h - 1, d] = -w[d][h]
        for d in range(n):
            laplacian[0, d] = w[d][0]
        inverse = laplacian**-1
        found = numpy.zeros((n, n + 1))
        for d in range(n):
            found[d, 0] = float(w[d][0] * inverse[d, 0])
            for h in range(1, n + 1):
                if h != d + 1:
                    keep = inverse[d, d] if d else 0
                    less = inverse[d, h - 1] if h != 1 else 0
                    found[d, h] = float(w[d][h] * (keep - less))
    return found


def accuracy(gap: float) -> dict[str, float]:
    """Largest errors of marginals; two of 10 tokens point at each other with a gap in nats."""
    arc = numpy.random.default_rng(1).normal(size=(1, 10, 11))
    arc[0, 1, 3] += gap
    arc[0, 2, 2] += gap
    arc = arc.astype("float32")
    scores = Parts({"arc": arc}, numpy.array([10]))
    expected = exact_trees(arc[0].astype("float64"))
    ours = SpanningTrees().infer(Parts({"arc": arc.astype("float64")}, scores.lengths))[1]
    try:
        theirs = float(
            numpy.abs(as_arcs(non_projective(arc_potentials(scores)))[0] - expected).max()
        )
    except RuntimeError:  # a singular matrix
        theirs = float("nan")
    return {
        "gap": gap,
        "ours": float(numpy.abs(ours.arrays["arc"][0] - expected).max()),
        "torch-struct": theirs,
    }


# --- curves -------------------------------------------------------------------------------------


def microseconds_a_token(structure: Structure, scores: Parts, rounds: int) -> float:
    found = best_of({"ours": lambda: structure.infer(scores)}, rounds)
    return 1e6 * found["ours"] / float(scores.lengths.sum())


def by_length(rounds: int) -> dict[str, list[float]]:
    """Microseconds a token against the length, in batches of about 2,500 tokens."""
    curves: dict[str, list[float]] = {}
    for n in LENGTHS:
        units = max(1, 2560 // n)
        for name, structure, scores in (
            ("independent labels (17)", IndependentLabels(), chain_scores(n, 17, units)),
            ("linear chain (17 labels)", LinearChain(), chain_scores(n, 17, units)),
            (
                "flat segments (width 10, 17 labels)",
                FlatSegments(10),
                span_scores(n, 17, 10, units),
            ),
            ("head selection", HeadSelection(), arc_scores(n, units)),
            ("spanning trees", SpanningTrees(), arc_scores(n, units)),
            ("projective trees", ProjectiveTrees(), arc_scores(n, units)),
        ):
            if isinstance(structure, IndependentLabels):
                scores = Parts({"unary": scores.arrays["unary"]}, scores.lengths)
            found = microseconds_a_token(structure, scores, rounds)
            curves.setdefault(name, []).append(found)
    return curves


def by_labels(rounds: int) -> dict[str, list[float]]:
    """Microseconds a token against the number of labels, in batches of 64 units of 30 tokens."""
    curves: dict[str, list[float]] = {}
    for n_labels in LABELS:
        chain = chain_scores(CHAIN_TOKENS, n_labels)
        unary = Parts({"unary": chain.arrays["unary"]}, chain.lengths)
        span = span_scores(CHAIN_TOKENS, n_labels, 10)
        for name, structure, scores in (
            ("independent labels", IndependentLabels(), unary),
            ("linear chain", LinearChain(), chain),
            ("flat segments (width 10)", FlatSegments(10), span),
        ):
            found = microseconds_a_token(structure, scores, rounds)
            curves.setdefault(name, []).append(found)
    return curves


def plot(results: dict[str, Any], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "structures"
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4.2), sharey=True)
    for axis, key, xs, label in (
        (left, "by_length", LENGTHS, "tokens of a unit"),
        (right, "by_labels", LABELS, "labels (units of 30 tokens)"),
    ):
        for name, ys in results[key].items():
            axis.plot(xs, ys, marker="o", markersize=3, label=name)
        axis.set(xscale="log", yscale="log", xlabel=label)
        axis.set_xticks(xs, [str(x) for x in xs])
        axis.minorticks_off()
        axis.grid(alpha=0.3)
        axis.legend(fontsize=7)
    left.set_ylabel("µs a token, log Z and marginals")
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


PAGE = """# Structures: speed and accuracy

Written by `benchmarks/structures.py`. Marginals of a batch of {units} units, CPU time on one
thread, the best of several calls, systems taking turns; all checks on. Only ratios mean anything
elsewhere.

| marginals of | here, ms | beside | ms | times faster here |
|---|---|---|---|---|
{speed}

Here scores are float32, the computation is float64 and gives log Z too; torch-struct's
non-projective trees are float32 and their marginals alone.

Largest error of a marginal of non-projective trees of 10 tokens, two of which point at each other
with a gap (against {digits} digits):

| gap, nats | here | torch-struct |
|---|---|---|
{errors}

![microseconds a token against length and labels](structures.svg)

All scores are random and independent: at 400 tokens they leave so few projective trees that those
are done in log space.

Numbers: [structures.json](structures.json).
"""


def page(results: dict[str, Any]) -> str:
    speed, errors = [], []
    for key, found in results.items():
        for peer, ratio in found.get("times_faster", {}).items() if isinstance(found, dict) else ():
            ours, theirs = (1e3 * found["seconds"][name] for name in ("ours", peer))
            speed.append(f"| {key} | {ours:.2f} | {peer} | {theirs:.1f} | {ratio:.1f} |")
    for row in results["errors of spanning trees"]:
        errors.append(f"| {row['gap']:.0f} | {row['ours']:.0e} | {row['torch-struct']:.0e} |")
    return PAGE.format(
        units=results["units"], speed="\n".join(speed), errors="\n".join(errors), digits=DIGITS
    )


def run(rounds: int) -> dict[str, Any]:
    results: dict[str, Any] = {
        "units": UNITS,
        "rounds": rounds,
        "versions": {
            "python": platform.python_version(),
            "numpy": numpy.__version__,
            "torch": torch.__version__,
            "torch-struct": "0.5",
        },
    }
    for n_labels in CHAIN_LABELS:
        key = f"chain, {CHAIN_TOKENS} tokens, {n_labels} labels"
        results[key] = compare_chain(n_labels, rounds)
        print(key, json.dumps(results[key]), flush=True)
    for name, structure, peer, atol in (
        # torch-struct adds 1e-5 to the weight of every arc
        ("spanning trees", SpanningTrees(), non_projective, 1e-2),
        ("projective trees", ProjectiveTrees(), projective, 2e-4),
    ):
        key = f"{name}, {TREE_TOKENS} tokens"
        results[key] = compare_trees(structure, peer, atol, rounds)
        print(key, json.dumps(results[key]), flush=True)
    results["errors of spanning trees"] = [accuracy(gap) for gap in PEAKS]
    print(json.dumps(results["errors of spanning trees"]), flush=True)
    results["lengths"], results["labels"] = LENGTHS, LABELS
    results["by_length"] = by_length(max(2, rounds // 4))
    results["by_labels"] = by_labels(max(2, rounds // 4))
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="folder of structures.json and structures.svg")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    settings = parser.parse_args()
    if {os.environ.get(name) for name in ONE_THREAD} != {"1"}:
        raise SystemExit(
            f"set {' and '.join(ONE_THREAD)} to 1: numpy reads them when it is imported"
        )
    if torch_struct is None:
        raise SystemExit("expected torch_struct and mpmath: see requirements-structures.txt")
    results = run(settings.rounds)
    (settings.out / "structures.json").write_text(json.dumps(results, indent=1) + "\n")
    plot(results, settings.out / "structures.svg")
    (settings.out / "structures.md").write_text(page(results))


if __name__ == "__main__":
    main()
