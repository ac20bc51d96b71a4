"""Which of this package's architectures scores the parts of a structure."""

from collections.abc import Sequence
from typing import Any

from thinc.api import Model

TOKENS, CHAINS, SEGMENTS, DOCS = "TokenScorer", "ChainScorer", "SegmentScorer", "DocScorer"
ARCS = ("BiaffineParser", "SecondOrderBiaffine")
# By the name of the model.
_MADE_BY: dict[str, tuple[str, ...]] = {
    "token_scorer": (TOKENS,),
    "chain_scorer": (CHAINS,),
    "segment_scorer": (SEGMENTS,),
    "doc_scorer": (DOCS,),
    "biaffine_parser": ARCS,
}


def check_scorer(
    model: Model[Any, Any], *needed: str, what: str, settings: Sequence[str] = ("model",)
) -> None:
    """Check that a model is of a fitting architecture; one that is not of this package may be.

    needed (str): the architectures that fit, without "spacy-skd." and version. what (str): for
        which. settings (Sequence[str]): of which one is to be changed.
    RAISES (ValueError): if it is another of this package.
    """
    made_by = _MADE_BY.get(model.name, needed)
    if set(made_by).isdisjoint(needed):
        raise ValueError(unfit_model(model, *needed, what=what, settings=settings))


def unfit_model(
    model: Model[Any, Any], *needed: str, what: str, settings: Sequence[str] = ("model",)
) -> str:
    """Return what is said of a model that does not fit; see `check_scorer`."""
    architectures = " or ".join(f"spacy-skd.{name}.v1" for name in needed)
    change = " or ".join(f"`{name}`" for name in settings)
    return (
        f"{what} needs the architecture {architectures}, got the model {model.name!r}; "
        f"change {change}"
    )
