"""Which students a folder of beliefs can have whose teacher is no pipeline (`skd beliefs`, `skd
annotate hf:`): one for each layer that it holds."""

from collections.abc import Sequence

from ...layers.known import find_layer
from ...shards.manifest import OUTSIDE, Manifest
from .plan import Plan, Row, Student


def plan_of_store(manifest: Manifest, *, pipes: Sequence[str] = ()) -> Plan:
    """Plan students of a teacher from outside.

    manifest (Manifest): of its beliefs. pipes (Sequence[str]): those that are wanted, all if empty.
    RAISES (ValueError): if one is not there, or the trees lack sentences.
    """
    unknown = sorted(set(pipes) - set(manifest.pipes))
    if unknown:
        expected = ", ".join(manifest.pipes)
        raise ValueError(f"pipes: expected some of {expected}, got {', '.join(unknown)}")
    settings = manifest.teacher[OUTSIDE]["students"]
    layers = {name: find_layer(manifest.layers[name]) for name in manifest.pipes}
    names = sorted(layers, key=lambda name: (layers[name].order, name))
    students = [
        Student(name, manifest.layers[name], name, settings.get(name, {}))
        for name in names
        if not pipes or name in pipes
    ]
    chosen = [layers[student.name] for student in students]
    has_sentences = any(layer.sets_sentences for layer in chosen)
    for layer in chosen:
        if layer.needs_sentences and not has_sentences:
            raise ValueError(
                f"pipes: the student of {layer.full_name!r} needs sentence starts: add what sets "
                f"them, of {', '.join(manifest.pipes)}"
            )
    return Plan([Row(student.name, "", (student,)) for student in students])
