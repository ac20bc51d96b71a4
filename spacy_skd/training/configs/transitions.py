"""Students that are spaCy's own transition-based components."""

from collections.abc import Sequence
from dataclasses import replace

from ...layers.base import TRANSITIONS
from ...layers.known import find_layer
from ...pipeline.transitions.factory import KNOWN
from .plan import Plan, Student
from .presets import LISTENER, Block


def with_transitions(plan: Plan, names: Sequence[str]) -> Plan:
    """Return a plan some of whose students are spaCy's own components.

    names (Sequence[str]): of the students. RAISES (ValueError): if there is none of a name, or
        spaCy has no transition system for what it annotates.
    """
    known = [each.name for each in plan.students if each.layer in KNOWN]
    if unknown := sorted(set(names) - set(known)):
        layers = " and ".join(sorted(KNOWN))
        expected = f"some of {', '.join(known)}" if known else "none"
        raise ValueError(
            f"transitions: expected names of the students that annotate {layers}, {expected}, got "
            f"{', '.join(unknown)}"
        )
    rows = [
        replace(row, students=tuple(_of_spacy(each, names) for each in row.students))
        for row in plan.rows
    ]
    return replace(plan, rows=rows)


def _of_spacy(student: Student, names: Sequence[str]) -> Student:
    return replace(student, is_transitions=True) if student.name in names else student


def transitions_component(student: Student) -> Block:
    """Return the config of such a student. Its model listens to the tok2vec."""
    layer = find_layer(student.layer)
    return {
        "factory": TRANSITIONS,
        "layer": layer.name,
        "distill_weight": 0.7,
        "model": {
            "@architectures": "spacy.TransitionBasedParser.v2",
            "state_type": layer.stock_factory,
            "extra_state_tokens": False,
            "hidden_width": 64,
            "maxout_pieces": 2,
            "use_upper": True,
            "nO": None,
            "tok2vec": LISTENER,
        },
    }
