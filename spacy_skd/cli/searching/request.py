"""What is asked of `spacy skd search`, checked before anything takes long."""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy
from thinc.api import Config

from ...disk import check_apart, digest_of
from ...errors import check_between, check_positive
from ...layers.known import find_layer
from ...shards.manifest import FILE as MANIFEST
from ...shards.manifest import Manifest
from ...teachers.fingerprint import fingerprint_of_folder
from ...training.configs.paths import check_paths
from ...training.configs.plan import Plan
from ...training.configs.presets import DEFAULT, biaffine_models, find_preset
from ..distillation.request import OVERRIDES
from ..distillation.state import describe
from ..init import init
from .space import space_of

NEEDED = ("optuna", "threadpoolctl")
_PROCESSORS = Path("/proc/cpuinfo")


@dataclass(frozen=True)
class Request:
    """See `spacy skd search --help`. Names of components are the teacher's."""

    teacher: str
    dev: Path
    words_per_second: float
    megabytes: float | None = None
    store: tuple[str, ...] = ()
    vectors: str | None = None
    lexicon: str | None = None
    preset: str = DEFAULT
    trials: int = 30
    effort: float = 0.5
    seed: int = 0
    pipes: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    teach: tuple[str, ...] = ()
    retrain: tuple[str, ...] = ()
    hidden: bool = False
    code: Path | None = None
    gpu_id: int = -1


@dataclass(frozen=True)
class Checked:
    """A request that can be fulfilled.

    config, plan: of the preset, as `spacy skd init` makes them. words (float): that its training
    sees. stores (list[Path]): of beliefs. sentences (list[str]): students that set them. space: see
    `space_of`. settings: of the state.
    """

    request: Request
    config: Config
    plan: Plan
    words: float
    stores: list[Path]
    sentences: list[str]
    space: dict[str, tuple[int, ...]]
    settings: dict[str, Any]


def check(request: Request) -> Checked:
    """Load the teacher, and read once what is given.

    RAISES (ValueError): for whatever is wrong with it, with the remedy.
    """
    for module in NEEDED:
        if find_spec(module) is None:
            raise ValueError(f"the search needs {module}: pip install 'spacy-skd[search]'")
    r = request
    find_preset(r.preset)
    check_positive("words-per-second", r.words_per_second)
    if r.megabytes is not None:
        check_positive("megabytes", r.megabytes)
    check_between("trials", r.trials, low=2, high=10**4)
    check_positive("effort", r.effort)
    check_between("seed", r.seed, low=0, high=2**31)
    if not r.store and not (Path(r.teacher) / MANIFEST).is_file():
        raise ValueError(
            "expected --store, a folder that `spacy skd annotate` wrote: candidates learn from "
            "what the teacher has said already"
        )
    config, plan = init(
        r.teacher,
        preset=r.preset,
        store=list(r.store),
        vectors=r.vectors,
        lexicon=r.lexicon,
        dev=str(r.dev),
        pipes=r.pipes,
        keep=r.keep,
        teach=r.teach,
        retrain=r.retrain,
        hidden=r.hidden,
    )
    training = config["training"]
    stores = [Path(folder) for folder in r.store or (r.teacher,)]
    return Checked(
        request,
        config,
        plan,
        words=float(training["max_steps"] * training["batcher"]["size"]),
        stores=stores,
        sentences=[s.name for s in plan.students if find_layer(s.layer).sets_sentences],
        space=space_of(has_parser=bool(biaffine_models(config))),
        settings=_settings(request, stores),
    )


def check_output(request: Request, output: Path) -> None:
    """Check where the output lies. RAISES (ValueError): if it is among the inputs, or around, or
    the config of a candidate, which begins with what lies there, could not name it."""
    check_paths([output])
    named = [request.vectors, request.lexicon, request.code]
    check_apart(output, [request.teacher, request.dev, *request.store, *(n for n in named if n)])


def machine() -> dict[str, Any]:
    """Return what speeds depend on: what differs here makes times that do not compare. Names of
    hosts do not count, which containers change."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "numpy": numpy.__version__,
    }


def _processor() -> str:
    try:
        lines = _PROCESSORS.read_text(encoding="utf8").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or "unknown")


def _settings(request: Request, stores: Sequence[Path]) -> dict[str, Any]:
    r = request
    manifests = [Manifest.from_disk(folder) for folder in stores]
    dev = sorted(r.dev.rglob("*.spacy")) if r.dev.is_dir() else [r.dev]
    return {
        "teacher": [_teacher(manifest) for manifest in manifests],
        "store": [
            {"file": folder.name, "blake2b": digest_of(folder / MANIFEST)} for folder in stores
        ],
        "dev": describe(dev),
        "vectors": _described(r.vectors),
        "lexicon": _described(r.lexicon),
        **{name: getattr(r, name) for name in ("words_per_second", "megabytes", "preset")},
        **{name: getattr(r, name) for name in ("trials", "effort", "seed")},
        **{name: list(getattr(r, name)) for name in ("pipes", "keep", "teach", "retrain")},
        **({"hidden": True} if r.hidden else {}),
        "code": r.code and {"file": r.code.name, "blake2b": digest_of(r.code)},
        "overrides": os.environ.get(OVERRIDES, ""),
        **machine(),
    }


def _teacher(manifest: Manifest) -> dict[str, Any]:
    about = manifest.teacher
    return {"name": about.get("name") or about["path"], "blake2b": about["fingerprint"]}


def _described(path: str | None) -> dict[str, Any] | None:
    """Describe a file or folder; of a package its name says what it is."""
    if path is None:
        return None
    if not Path(path).exists():
        return {"name": path, "blake2b": ""}
    found = Path(path)
    blake2b = fingerprint_of_folder(found) if found.is_dir() else digest_of(found)
    return {"file": found.name, "blake2b": blake2b}
