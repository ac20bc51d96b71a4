"""Actions of a transition-based component that another has, with the weights of those it had."""

from typing import Any

# By parameter of the layer that scores actions, the axis of these.
_UPPER = {"W": 0, "b": 0}
_LOWER = {"W": 1, "b": 0, "pad": 2}  # of a model without an upper layer


def add_actions(pipe: Any, other: Any) -> tuple[str, ...]:
    """Add to an initialized component those actions of another that it lacks: of a `parser` a
    deprel may be of arcs to the right alone, which its labels do not tell. They begin without
    weights, as spaCy's `add_label` makes them.

    The order is that in which spaCy reads actions back, so that what is saved stays what it is.

    pipe, other (Any): spaCy's own or ours, both of the same transition system.
    RETURNS (tuple[str, ...]): the names of the actions that were added.
    """
    before = action_names(pipe)
    if set(action_names(other)) <= set(before):
        return ()
    counts: dict[int, dict[str, int]] = {}
    for each in (pipe, other):
        for action, labels in each.moves.labels.items():
            for label, n in labels.items():
                # Below 0 are those that were added later, whose order is that of their addition.
                counts.setdefault(int(action), {}).setdefault(
                    label, max(n, 0) if each is pipe else 0
                )
                pipe.vocab.strings.add(label)
    pipe.moves.initialize_actions(counts)
    unseen = {before[i] for i in pipe.model.attrs["unseen_classes"]}
    pipe._resize()
    names = action_names(pipe)
    added = tuple(name for name in names if name not in before)
    _reorder(pipe.model, [[*before, *added].index(name) for name in names])
    pipe.model.attrs["unseen_classes"] = {
        i for i, name in enumerate(names) if name in unseen or name in added
    }
    return added


def action_names(pipe: Any) -> list[str]:
    """Return the name of each action, in the order of the rows of the model's output: `move_names`
    lacks `U-`, by which spaCy's `ner` blocks entities, and which has a row, too."""
    return [pipe.moves.get_class_name(i) for i in range(pipe.moves.n_moves)]


def _reorder(model: Any, order: list[int]) -> None:
    has_upper = model.attrs["has_upper"]
    layer = model.get_ref("upper" if has_upper else "lower")
    for name, axis in (_UPPER if has_upper else _LOWER).items():
        if layer.has_param(name):
            layer.set_param(name, model.ops.xp.take(layer.get_param(name), order, axis=axis))
