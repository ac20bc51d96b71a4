"""Drawn annotation for stock components, streamed: `spacy-skd.SampledCorpus.v1`."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

from ...errors import check_between, check_temperature
from ...layers.base import Drawing
from ...registry import reader
from ...shards.store import KEY, read_beliefs
from ...teachers.sources import is_trained
from .drawn_layers import layers_of
from .items import Item
from .stream import RATIO, StoredCorpus, examples_seen


@reader("spacy-skd.SampledCorpus.v1")
def make_sampled_corpus(
    store: Path | None = None,
    path: Path | None = None,
    ratio: float = RATIO,
    buffer: int = 2000,
    max_length: int = 0,
    seed: int = 0,
    temperature: float = 1.0,
    projective: bool = False,
    layers: dict[str, str] | None = None,
    skip: int = 0,
    stores: dict[str, dict[str, Any]] | None = None,
) -> Callable[[Language], Iterator[Example]]:
    """Read as `spacy-skd.DistillationCorpus.v1`, for components that learn from gold alone, such as
    spaCy's own: the annotation of an unlabelled doc is drawn from the stored beliefs, exactly and
    anew each time that it is read. Labelled docs keep their gold.

    Set `max_epochs = -1`: otherwise spaCy reads one pass, and shuffles it for every epoch. A stock
    component is then initialized with the first 100 examples: give it its labels (`spacy init
    labels` with `max_epochs = 0`).

    Which annotation is drawn. Of tokens, a label each, independently; of entities, legal sequences
    of tags; of trees, single-rooted trees of the teacher's sentences and deprels given their arcs
    (`transfer/draws.py`). Sentence starts are those of the trees, where both are stored. Tags that
    the pipeline's stock tagger was not initialized with, which it cannot learn, are not drawn: the
    others keep their proportions.

    store, path, ratio, buffer, max_length, seed: see `make_distillation_corpus`. The draws depend
        on seed, folder and the place in the stream.
    temperature (float): divides the teacher's scores before it is drawn from them.
    projective (bool): whether trees are drawn given that no arcs cross, for a parser that knows no
        others; what spaCy's knows of crossing arcs are rare deprels. Listed trees stay as they are.
    layers (dict[str, str]): the stored components to draw from, and what each annotates: tag, pos,
        morph, morphologizer, sent, ents, spans (or spans:KEY), parser, or a plugin's. By default
        all, as the manifest says.
    skip (int): examples of the stream that a run that is resumed has learnt from. Not needed where
        a distilling component counts them.
    stores (dict[str, dict[str, Any]] | None): as there. A doc is annotated with what its own store
        says; what that does not say is missing, not absent.
    RAISES (ValueError): see `make_distillation_corpus`; for layers that do not exist or clash.
    """
    return SampledCorpus(
        store,
        path,
        ratio=ratio,
        buffer=buffer,
        max_length=max_length,
        seed=seed,
        temperature=temperature,
        projective=projective,
        layers=layers or {},
        skip=skip,
        stores=stores,
    )


class SampledCorpus(StoredCorpus):
    """See `make_sampled_corpus`."""

    def __init__(
        self,
        store: Path | None,
        path: Path | None = None,
        *,
        temperature: float,
        projective: bool,
        layers: dict[str, str],
        skip: int,
        **stream: Any,
    ):
        super().__init__(store, path, **stream)
        check_between("seed", self.seed, low=0, high=2**63)
        self.skip = int(check_between("skip", skip, low=0, high=10**12))
        self.temperature = check_temperature(temperature)
        self.projective = projective
        self._stores = {source.name: source.store for source in self.sources}
        self.layers = layers_of(self._stores, layers)

    def _example(self, nlp: Language, item: Item, number: int) -> Example:
        example = item.example(nlp)
        if not item.is_gold:
            rng = numpy.random.default_rng([self.seed, number])
            how = Drawing(rng, self.temperature, self.projective, nlp)
            self._annotate(example.reference, how, row=item.row)
        return example

    def _annotate(self, doc: Doc, how: Drawing, *, row: str) -> None:
        stored = read_beliefs(doc.user_data)
        if stored is None:
            folder = self._stores[row].folder
            raise ValueError(f"{folder}: expected a doc with a belief, found {doc.text}")
        for pipe, layer in self.layers[row].items():
            layer.draw(doc, self._stores[row].belief(stored, pipe, doc), how)
        del doc.user_data[KEY]

    def _learnt(self, nlp: Language) -> int | None:
        """Return `examples_seen`: stock components do not count, but have learnt nothing before
        they are initialized."""
        seen = examples_seen(nlp)
        return 0 if seen is None and not is_initialized(nlp) else seen


def is_initialized(nlp: Language) -> bool:
    """Tell whether every parameter of every model of a pipeline is set."""
    return all(is_trained(pipe) for _, pipe in nlp.components)
