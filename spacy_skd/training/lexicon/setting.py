"""A lexicon given to a pipeline: by the callback of a config, or to one that is trained."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from spacy.language import Language
from thinc.api import Model

from ...models.embedding.lexicon import Lexicon
from ...models.embedding.lexicon_embedding import OwnLexicon, lexicon_layers
from ...registry import callback
from .reading import ReadLexicon, read_lexicon

logger = logging.getLogger("spacy.skd")
CALLBACK = "spacy-skd.lexicon.v1"


@callback(CALLBACK)
def make_lexicon(
    path: Path | None = None, first: Callable[[Language], Any] | None = None
) -> Callable[[Language], Language]:
    """Read, for `[initialize.before_init]`, a lexicon into the embeddings of a pipeline that have
    one. It is saved with them, and not read again.

    path (Path | None): a .jsonl file or a folder of some; None where a saved pipeline that has one
        is resumed.
    first (Callable[[Language], Any] | None): another such callback, which is called before.
    """

    def before_init(nlp: Language) -> Language:
        if first is not None:
            first(nlp)
        if path is None:
            for layer in _layers_of(nlp):
                if layer.attrs["lexicon"].lexicon is None:
                    empty = Lexicon.of(layer.attrs["attr"], {}, known=())
                    layer.attrs["lexicon"] = OwnLexicon(empty)
            return nlp
        try:
            read = set_lexicon(nlp, path)
        except FileNotFoundError as error:
            raise FileNotFoundError(
                f"{error}: name the lexicon by --paths.lexicon; null keeps that of the pipeline "
                f"that is resumed (--paths.resume)"
            ) from error
        for told in read.doubts():
            logger.warning("%s", told)
        return nlp

    return before_init


def set_lexicon(nlp: Language, path: str | Path) -> ReadLexicon:
    """Give a pipeline the phrases of a lexicon, in place of those that it has. A pipeline that is
    trained keeps its classes, and needs no training for other phrases of them.

    path (Union[str, Path]): a .jsonl file or a folder of some.
    RETURNS (ReadLexicon): with what is to be told of it.
    RAISES (ValueError): if no component has an embedding with a lexicon, the file has none of its
        entries, or classes that the trained pipeline lacks.
    """
    read: dict[tuple[str, tuple[str, ...] | None], ReadLexicon] = {}
    new: list[tuple[Model[Any, Any], ReadLexicon]] = []
    for layer in _layers_of(nlp):
        attr, before = layer.attrs["attr"], layer.attrs["lexicon"].lexicon
        is_trained = layer.has_param("E") and before is not None
        known = tuple(before.classes) if is_trained else None
        if (attr, known) not in read:
            read[attr, known] = read_lexicon(path, nlp, attr=attr, known=known)
        new.append((layer, read[attr, known]))
    for layer, own in new:  # all, or none
        layer.attrs["lexicon"] = OwnLexicon(
            own.lexicon, unfit=len(own.unfit), uneven=len(own.uneven), path=str(path)
        )
    return new[0][1]


def lexicon_path(nlp: Language) -> str | None:
    """Return from where the lexicon of a pipeline was read since it was made or loaded, if it
    was."""
    models = (getattr(pipe, "model", None) for _, pipe in nlp.components)
    layers = (x for model in models if isinstance(model, Model) for x in lexicon_layers(model))
    return next((own.path for x in layers if (own := x.attrs["lexicon"]).path is not None), None)


def _layers_of(nlp: Language) -> list[Model[Any, Any]]:
    models = (getattr(pipe, "model", None) for _, pipe in nlp.components)
    layers = [
        layer for model in models if isinstance(model, Model) for layer in lexicon_layers(model)
    ]
    if not layers:
        raise ValueError(
            f"{CALLBACK}: expected a component with an embedding spacy-skd.LexiconEmbed.v1, found "
            f"none among {', '.join(nlp.component_names) or 'no components'}: make the config by "
            f"`spacy skd init --lexicon`, or remove the callback"
        )
    return layers


def lexicon_rows(nlp: Language) -> Iterator[tuple[str, str, str, str]]:
    """Yield what is told of the lexicons of a pipeline that was trained a little: the component,
    what, its value, and what to do, "" if nothing is doubtful."""
    for name, pipe in nlp.components:
        model = getattr(pipe, "model", None)
        for layer in lexicon_layers(model) if isinstance(model, Model) else ():
            own: OwnLexicon = layer.attrs["lexicon"]
            size = 0 if own.lexicon is None else len(own.lexicon)
            classes = () if own.lexicon is None else own.lexicon.classes
            value = f"{size:,} of {len(classes)} classes; {own.unfit:,} unfit lines"
            remedy = "correct the lines that the warning names" if own.unfit else ""
            yield name, "phrases of the lexicon", value, remedy
            yield (
                name,
                "phrases that text may cut otherwise",
                f"{own.uneven:,}",
                "",
            )
            share = own.matched / max(1, own.tokens)
            yield (
                name,
                "tokens within phrases",
                f"{100 * share:.1f} %",
                ""
                if own.matched
                else "no phrase occurs in the text that was tried: is it of this "
                f"language and case (attr = {layer.attrs['attr']!r})?",
            )
