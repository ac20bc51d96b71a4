"""One text through pipelines side by side: what each says, how sure it is, and what it would have
said else."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc

from ..layers.base import Layer
from ..layers.facts import Fact
from ..layers.known import known_layers
from ..teachers.embedding import cleaners
from ..teachers.merging import mergers
from .deciding import probabilities_told
from .divergence import component_of
from .evidence import confidences_of

LEAST = 0.005  # probability of what is worth showing, of analyses over that of the likeliest
NOTHING = "-"
NOT_ASKED = ""  # of a pipeline that does not annotate the layer


@dataclass
class Section:
    """What pipelines say of a layer.

    title (str): of the layer. rows (list): what of the text, and what each pipeline says of it.
    runners_up (dict): by pipeline, of whole sentences or docs the next likely analyses, each with
    its probability and how it differs from the likeliest.
    """

    title: str
    rows: list[tuple[str, list[str]]] = field(default_factory=list)
    runners_up: dict[str, list[str]] = field(default_factory=dict)


def inspect(pipelines: Mapping[str, Language], text: str, *, k: int = 3) -> list[Section]:
    """Run pipelines over a text.

    pipelines (Mapping[str, Language]): by name. k (int): how many analyses of a unit are shown.
    RAISES (ValueError): if there is no text.
    """
    if not text.strip():
        raise ValueError("expected a text, got none")
    pipes = (pipe for nlp in pipelines.values() for _, pipe in nlp.pipeline)
    with probabilities_told(pipes, activations=True):
        docs = {
            name: nlp(text, disable=[*cleaners(nlp), *mergers(nlp)])
            for name, nlp in pipelines.items()
        }
    layers = [each for kind in known_layers() for each in kind.variants([*docs.values()])]
    sections = []
    for layer in sorted(layers, key=lambda each: each.order):
        section = _section(layer, pipelines, docs, k=k)
        if section.rows:
            sections.append(section)
    return sections


def _section(
    layer: Layer, pipelines: Mapping[str, Language], docs: Mapping[str, Doc], *, k: int
) -> Section:
    columns = {name: _Column(layer, pipelines[name], doc, k=k) for name, doc in docs.items()}
    section = Section(layer.full_name)
    places = sorted({chars for column in columns.values() for chars in column.cells})
    text = next(iter(docs.values())).text
    for start, end in places:
        cells = [column.cells.get((start, end), column.nothing) for column in columns.values()]
        section.rows.append((text[start:end], cells))
    section.runners_up = {
        name: column.runners_up for name, column in columns.items() if column.runners_up
    }
    return section


class _Column:
    """What one pipeline says of a layer.

    cells (dict): by characters. nothing (str): the cell where it says nothing. runners_up
        (list[str]): see `Section`.
    """

    def __init__(self, layer: Layer, nlp: Language, doc: Doc, *, k: int):
        self.layer, self.doc = layer, doc
        self.cells: dict[tuple[int, int], str] = {}
        self.nothing = NOTHING if layer.is_annotated(doc) else NOT_ASKED
        self.runners_up: list[str] = []
        pipe: Any = component_of(nlp, layer)
        facts = layer.inspected(doc)
        chances = confidences_of(layer, doc, facts, pipe) or [float("nan")] * len(facts)
        analyses = pipe.analyses(doc, k) if hasattr(pipe, "analyses") and len(doc) else []
        units = [[*unit] for _, unit in groupby(analyses, key=itemgetter(slice(2)))]
        alternatives = {unit[0][:2]: unit for unit in units} if layer.of_words else {}
        for fact, chance in zip(facts, chances):
            cell = told(doc, fact, chance)
            if (unit := alternatives.get(fact.tokens)) is not None:
                less_likely = [
                    f"{each.annotation} {_rounded(each.probability)}"
                    for each in unit
                    if each.annotation != fact.claim and each.probability >= LEAST
                ]
                cell = " | ".join([cell, *less_likely])
            earlier = self.cells.get(fact.chars)
            self.cells[fact.chars] = cell if earlier is None else f"{earlier}; {cell}"
        for unit in () if layer.of_words else units:
            self.runners_up += self._compared(unit)

    def _compared(self, unit: Sequence[Any]) -> Iterator[str]:
        layer, doc, (start, end) = self.layer, self.doc, unit[0][:2]
        above = layer.claims(doc, start, layer.annotation_in(doc, start, end))
        text = doc[start:end].text.strip()
        yield f'of "{text}":' if len(text) <= 40 else f'of "{text[:37]}...":'
        for rank, each in enumerate(unit, start=1):
            if each.probability >= LEAST * unit[0].probability:
                claims = layer.claims(doc, start, each.annotation)
                lost = [f"-{claim}" for claim in above if claim not in claims]
                more = [f"+{claim}" for claim in claims if claim not in above]
                said = ", ".join([*lost, *more]) or "as above"
                yield f"{rank}. {_rounded(each.probability, least=LEAST)}: {said}"


def told(doc: Doc, fact: Fact, chance: float) -> str:
    """Return a fact in words. chance (float): NaN where it is not known."""
    said = str(fact.label or fact.claim)
    if fact.head is not None:
        said += "" if fact.head == fact.tokens[0] else f" of {doc[fact.head].text}"
    return said if chance != chance else f"{said} {_rounded(chance)}"


def _rounded(chance: float, *, least: float = 0.0) -> str:
    """Return a probability in two or three decimals, one digit of what is below `least`."""
    if 0 < chance < least:
        return f"{chance:.0e}" if chance < 0.0001 else f"{chance:.1g}"
    return f"{chance:.2f}" if chance < 0.995 else f"{chance:.3f}"
