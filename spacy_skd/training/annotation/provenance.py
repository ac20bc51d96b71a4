"""What a folder of annotated docs is made from: the head of its manifest."""

import platform
from collections.abc import Iterable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from spacy.tokens import Doc

from ...disk import digest_of
from ...shards.manifest import Manifest
from ...teachers.runner import TeacherRunner
from .ensemble import EnsembleRunner

Runner = TeacherRunner | EnsembleRunner
_PACKAGES = ("spacy-skd", "spacy", "thinc", "numpy", "spacy-transformers", "transformers", "torch")


def make_manifest(
    runner: Runner,
    files: Sequence[Path],
    *,
    pipes: Sequence[str],
    settings: dict[str, Any],
) -> Manifest:
    """Make a manifest without shards. pipes (Sequence[str]): what the teacher is asked."""
    return Manifest(
        teacher=runner.about(),
        versions=versions(),
        settings=settings,
        inputs=[describe_input(path) for path in files],
        pipes=_forms(runner, pipes),
        layers={pipe: runner.view(pipe).annotates for pipe in pipes},
        counts=new_counts(),
        of_words=True,
    )


def new_counts() -> dict[str, int]:
    """Return the counts of a manifest, of nothing."""
    return dict.fromkeys(("texts", "words", "blank", "rejected"), 0)


def asked_pipes(runner: Runner, pipes: Iterable[str]) -> tuple[str, ...]:
    """Return the named, in the teacher's order, or all but what rules say. RAISES (ValueError): if
    one is unknown."""
    wanted = set(pipes)
    if not runner.pipes or not wanted <= set(runner.pipes):
        raise ValueError(
            f"pipes: the teacher can answer for {list(runner.pipes)}, asked for {sorted(wanted)}; "
            f"what has not been trained cannot"
        )
    default = {pipe for pipe in runner.pipes if not runner.view(pipe).is_certain}
    return tuple(pipe for pipe in runner.pipes if pipe in (wanted or default))


def _forms(runner: Runner, pipes: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Ask the teacher of any one word: what beliefs share is the same for all docs."""
    (beliefs,) = runner.run([Doc(runner.nlp.vocab, ["a"])], starts=[None], pipes=pipes)
    return {pipe: beliefs[pipe].form.to_json() for pipe in pipes}


def describe_input(path: Path) -> dict[str, Any]:
    """Return path, bytes and blake2b of a file, as it is now."""
    size = path.stat().st_size
    return {"path": str(path), "bytes": size, "blake2b": digest_of(path)}


def check_input(path: Path, named: dict[str, Any]) -> None:
    """Raise ValueError if a file is not as a manifest describes it."""
    now = describe_input(path)
    if any(named[key] != now[key] for key in ("bytes", "blake2b")):
        raise ValueError(
            f"the input {path} changed while it was read: expected {named['bytes']} bytes, "
            f"blake2b {named['blake2b']}, found {now['bytes']}, {now['blake2b']}. Put back what it "
            f"was to go on, or annotate a copy that nobody writes to into another folder"
        )


def versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions
