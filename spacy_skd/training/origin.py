"""What a student is made of, for its `meta.json`: teachers, data, licences. Names, no paths."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from spacy.language import Language

from ..pipeline.teacher.base import SkdTeacher
from ..shards.manifest import Manifest
from ..teachers.loading import read_meta

KEY = "spacy_skd"  # in meta.json
SOURCES = "sources"  # spaCy's own, which `spacy package` writes into a package's README


def origin_of(nlp: Language, teacher: SkdTeacher) -> dict[str, Any]:
    """Return what goes into the meta of a student.

    nlp (Language): the student. teacher (SkdTeacher): its component.
    RETURNS (dict[str, Any]): "spacy_skd" with the "teachers" (name, version, license), the names of
        the files of "data" and, where they were annotated ahead, numbers of tokens, "words"; and
        spaCy's "sources", the same in short.
    """
    teachers = [_about(m.path, read_meta(m.path)) for m in teacher.members if m.path]
    data = _names(nlp.config.get("paths", {}).get(name) for name in ("train", "raw"))
    made: dict[str, Any] = {}
    manifests = [Manifest.from_disk(Path(folder)) for folder in teacher.folders]
    if manifests:
        data = _names(given["path"] for manifest in manifests for given in manifest.inputs)
        shards = [shard for manifest in manifests for shard in manifest.shards.values()]
        made["words"] = {
            "labelled": sum(shard.words for shard in shards if shard.labelled),
            "raw": sum(shard.words for shard in shards if not shard.labelled),
        }
        if not teachers or len(manifests) > 1:
            teachers = _distinct(
                [
                    *teachers,
                    *(_about(None, about) for each in manifests for about in _members(each)),
                ]
            )
    sources = [
        {"name": f"{t['name']} {t['version']} (teacher)", "license": t["license"]} for t in teachers
    ]
    return {
        KEY: {"teachers": teachers, "data": data, **made},
        SOURCES: [*sources, *({"name": name} for name in data)],
    }


def inherit_origin(nlp: Language, saved: Language) -> None:
    """Give a pipeline that goes on from another one what that was made of."""
    for key in (KEY, SOURCES):
        if key in saved.meta:
            nlp._meta.setdefault(key, saved.meta[key])


def _about(path: str | None, meta: dict[str, Any]) -> dict[str, str]:
    name = "_".join(filter(None, (meta.get("lang"), meta.get("name"))))
    return {
        "name": name or Path(path or "").name,
        "version": str(meta.get("version", "")),
        "license": str(meta.get("license") or "not stated"),
    }


def _members(manifest: Manifest) -> list[dict[str, Any]]:
    """Return what is said of the teacher, or of each of an ensemble."""
    return list(manifest.teacher.get("members", [manifest.teacher]))


def _distinct(abouts: Iterable[dict[str, str]]) -> list[dict[str, str]]:
    return list({tuple(about.items()): about for about in abouts}.values())


def _names(paths: Any) -> list[str]:
    """Return the names of files, each once; what of one is no UTF-8, meta.json has escaped."""
    names = (Path(path).name.encode("utf8", "backslashreplace") for path in paths if path)
    return [name.decode("utf8") for name in dict.fromkeys(names)]
