"""Which heads a pipeline's components are replaced by, on its embedding, and what is kept."""

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from spacy.language import Language
from spacy.ty import ListenedToComponent

from ...layers.known import corpus_layers, corpus_names, find_layer
from ...models.frozen import listeners
from ...pipeline.teacher.base import is_teacher
from ...teachers.embedding import find_listener
from ...teachers.runner import sets_sentences
from ...teachers.sources import as_source
from .plan import NOTHING, is_derived


@dataclass(frozen=True)
class Head:
    """A component to train. layer (str): of `corpus_names()`. replaces (str): the pipeline's
    component in whose place it is; "" if it is new."""

    name: str
    layer: str
    replaces: str = ""


@dataclass
class HeadPlan:
    """embedding (str): the component that heads listen to. heads (list[Head]): to train.
    pipeline (list[str]): the components in their order, heads and what is kept."""

    embedding: str
    heads: list[Head] = field(default_factory=list)
    pipeline: list[str] = field(default_factory=list)

    @property
    def kept(self) -> list[str]:
        """The pipeline's own components, as they are."""
        names = {head.name for head in self.heads}
        return [name for name in self.pipeline if name not in names]

    @property
    def layers(self) -> list[str]:
        return [name for name in corpus_names() if any(head.layer == name for head in self.heads)]


def plan_heads(
    nlp: Language, *, pipes: Sequence[str] = (), labelled: Container[str] | None = None
) -> HeadPlan:
    """Choose the heads of a pipeline and their places.

    pipes (Sequence[str]): the pipeline's components to replace, or layers. By default all that are
        enabled and that a head can replace, one for each layer; if there are none, basic layers.
    labelled (Container[str] | None): the layers that the heads will have labels of, if known. By
        default what has none is kept.
    RAISES (ValueError): if nothing embeds tokens, a pipe is unknown, cannot be replaced or has no
        labels, two have the same layer, or the name of a new head is taken.
    """
    embedding, _ = find_listener(nlp)
    replaceable = {name: layers for name, pipe in nlp.components if (layers := _layers(pipe))}
    replaced, new = _chosen(nlp, replaceable, pipes, labelled)
    if _lacks_sentences(nlp, embedding, replaceable, replaced, new):
        starts = _that_set_sentences()[0]
        senters = _of_layer(nlp, replaceable, starts)
        replaced, new = [*replaced, *senters], [*new, *(() if senters else (starts,))]
    heads = {name: _named(name, replaceable[name], nlp.component_names) for name in replaced}
    plan = HeadPlan(embedding, [head for heads in heads.values() for head in heads])
    plan.heads += [_new(name, nlp.component_names) for name in corpus_names() if name in new]
    plan.pipeline = _in_order(nlp, embedding, plan.heads)
    _check(plan, nlp, labelled)
    return plan


def _layers(pipe: Any) -> tuple[str, ...]:
    """Return what of a component a head could annotate; a stock parser's sentences come with it."""
    source = None if is_teacher(pipe) else as_source(pipe)
    views = {} if source is None else source.views()
    layers = [
        view.layer
        for suffix, view in views.items()
        if view.layer and not is_derived(view.layer, asks=suffix) and set(view.labels) - NOTHING
    ]
    return tuple(layer for layer in layers if layer in corpus_names())


def _chosen(
    nlp: Language,
    replaceable: dict[str, tuple[str, ...]],
    pipes: Sequence[str],
    labelled: Container[str] | None,
) -> tuple[list[str], list[str]]:
    """Return components to replace, and layers of new heads."""
    if pipes:
        return _asked(nlp, replaceable, pipes)
    replaced: list[str] = []
    known: list[str] = []
    # Of two components of a layer, the one that listens to the embedding.
    for name in sorted(replaceable, key=lambda name: not _listens(nlp.get_pipe(name))):
        layers = replaceable[name]
        has_labels = labelled is None or all(layer in labelled for layer in layers)
        if name in nlp.pipe_names and has_labels and not set(layers) & set(known):
            replaced.append(name)
            known += layers
    if replaced or replaceable:
        return replaced, []
    basic = [layer.name for layer in corpus_layers() if layer.is_basic]
    return [], [name for name in basic if labelled is None or name in labelled]


def _listens(pipe: Any) -> bool:
    return bool(listeners(pipe.model))


def _asked(
    nlp: Language, replaceable: dict[str, tuple[str, ...]], pipes: Sequence[str]
) -> tuple[list[str], list[str]]:
    replaced: list[str] = []
    new: list[str] = []
    for pipe in pipes:
        of_layer = _of_layer(nlp, replaceable, pipe)
        if pipe in replaceable:
            replaced.append(pipe)
        elif pipe in nlp.component_names:
            raise ValueError(
                f"pipes: no head does what the pipeline's {pipe!r} does; it is kept as it is. "
                f"{_expected(replaceable)}"
            )
        elif of_layer:
            replaced += of_layer
        elif pipe in corpus_names():
            new.append(pipe)
        else:
            raise ValueError(f"pipes: {_expected(replaceable)}, got {pipe}")
    return list(dict.fromkeys(replaced)), list(dict.fromkeys(new))


def _of_layer(nlp: Language, replaceable: dict[str, tuple[str, ...]], layer: str) -> list[str]:
    """Return the component of a layer, an enabled one if there is one; none or one."""
    names = [name for name, layers in replaceable.items() if layer in layers]
    return sorted(names, key=lambda name: name in nlp.disabled)[:1]


def _expected(replaceable: Iterable[str]) -> str:
    components = f"the pipeline's {', '.join(replaceable)}, or " if replaceable else ""
    return f"expected some of {components}of the layers {', '.join(corpus_names())}"


def _lacks_sentences(
    nlp: Language,
    embedding: str,
    replaceable: dict[str, tuple[str, ...]],
    replaced: Sequence[str],
    new: Sequence[str],
) -> bool:
    """Tell whether there is a head of trees, and nothing before it to set sentences: a stock parser
    sets its own, and is gone."""
    trees = {layer.name for layer in corpus_layers() if layer.needs_sentences}
    parsers = [name for name in replaced if trees.intersection(replaceable[name])]
    if not parsers and not trees.intersection(new):
        return False
    starts = {*_that_set_sentences()}
    if starts.intersection(new) or any(starts.intersection(replaceable[n]) for n in replaced):
        return False  # of a head of sentences, the place is before that of trees
    last = max(map(nlp.component_names.index, [embedding, *parsers]))
    before = [name for name in nlp.component_names[:last] if name in nlp.pipe_names]
    return not any(sets_sentences(nlp, name, nlp.get_pipe(name)) for name in before)


def _that_set_sentences() -> list[str]:
    return [layer.name for layer in corpus_layers() if layer.sets_sentences]


def _named(name: str, layers: tuple[str, ...], taken: Container[str]) -> list[Head]:
    """Name heads as `init` does students: one head has the component's name, several have their
    layers'."""
    if len(layers) == 1:
        return [Head(name, layers[0], name)]
    names = {layer: f"{name}_{layer}" if layer in taken else layer for layer in layers}
    return [Head(names[layer], layer, name) for layer in layers]


def _new(layer: str, taken: Container[str]) -> Head:
    """Name a new head, by its layer where no component has that name."""
    return Head(f"{layer}_head" if layer in taken else layer, layer)


def _in_order(nlp: Language, embedding: str, heads: Sequence[Head]) -> list[str]:
    """Order a pipeline: new heads follow the embedding, others are in the place of what they
    replace: after the embedding, before another one (which overwrites `doc.tensor`), and sentences
    before trees."""
    components = nlp.component_names
    first = components.index(embedding)
    last = min(
        (i for i, (_, pipe) in enumerate(nlp.components) if i > first and _embeds(pipe)),
        default=len(components),
    )
    places = {name: float(i) for i, name in enumerate(components)}
    for head in heads:
        i = components.index(head.replaces) if head.replaces else first
        places[head.name] = min(max(i, first + 0.3), last - 0.3)
    trees = [places[head.name] for head in heads if find_layer(head.layer).needs_sentences]
    for head in heads:
        if find_layer(head.layer).sets_sentences and trees:
            places[head.name] = min(places[head.name], trees[0])
    replaced = {head.replaces for head in heads} - {head.name for head in heads}
    rank = {head.name: corpus_names().index(head.layer) for head in heads}
    ordered = sorted(places, key=lambda name: (places[name], rank.get(name, -1)))
    return [name for name in ordered if name not in replaced]


def _embeds(pipe: Any) -> bool:
    return isinstance(pipe, ListenedToComponent) and not is_teacher(pipe)


def _check(plan: HeadPlan, nlp: Language, labelled: Container[str] | None) -> None:
    """Check a plan. RAISES (ValueError): see `plan_heads`."""
    by_layer: dict[str, Head] = {}
    for head in plan.heads:
        other = by_layer.setdefault(head.layer, head)
        if other is not head:
            raise ValueError(
                f"pipes: {other.replaces!r} and {head.replaces!r} both annotate the layer "
                f"{head.layer!r}: choose one of them, the other is kept as it is"
            )
        if not head.replaces and head.name in nlp.component_names:
            raise ValueError(
                f"the pipeline's {head.name!r} has the name of a head: rename it (nlp.rename_pipe)"
            )
        if labelled is not None and head.layer not in labelled:
            raise ValueError(
                f"{head.name!r} would learn the layer {head.layer!r}, of which there are no labels "
                f"to learn: leave it out by --pipes, and it is kept as it is"
            )
    if not plan.heads:
        raise ValueError(
            "there are labels of none of the layers that the pipeline's components annotate; name "
            f"layers by --pipes: {', '.join(corpus_names())}"
        )
