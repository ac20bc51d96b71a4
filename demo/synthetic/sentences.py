"""Choose, build, punctuate and finish one sentence."""

from collections.abc import Callable, Set

from . import statements, utterances
from .function_words import punctuation
from .sampling import Weighted, pick
from .scene import Scene
from .tree import Node, Sentence, linearise, surface

MIN_TOKENS = 3
MAX_TOKENS = 40
_ATTEMPTS = 200
_BUILDERS: dict[str, Callable[[Scene], Node]] = {
    "plain": statements.plain, "coordinated": statements.coordinated,
    "copular": statements.copular, "existential": statements.existential,
    "expletive": statements.expletive, "extraposed": statements.extraposed,
    "yes_no": utterances.yes_no_question, "wh": utterances.wh_question,
    "command": utterances.command, "quotation": utterances.quotation,
    "headline": utterances.headline, "item": utterances.list_item,
    "exclamation": utterances.exclamation,
}  # fmt: skip
_KINDS = Weighted(
    ("plain", "coordinated", "copular", "existential", "expletive", "extraposed", "yes_no", "wh",
     "command", "quotation", "exclamation"),
    (52.0, 9.0, 12.0, 4.0, 2.0, 1.0, 2.5, 3.0, 3.0, 6.0, 1.0),
)  # fmt: skip
_ENDINGS = Weighted((".", "!", "...", ""), (90.0, 3.0, 2.0, 5.0))
_INFORMAL = Weighted((".", "!", "...", ""), (70.0, 10.0, 5.0, 15.0))


def sentence(s: Scene, forbidden: Set[str], *, kind: str = "") -> Sentence:
    """One sentence of 3 to 40 tokens whose key is not in `forbidden`.

    `kind` names a builder ("headline", "item"), "" draws one. Raises RuntimeError if no draw
    fits, which means that `forbidden` has taken all short sentences of a kind.
    """
    for _ in range(_ATTEMPTS):
        s.richness = s.rand()
        chosen = kind or _KINDS.draw(s.rand)
        root = _BUILDERS[chosen](s).as_("root")
        _finish(s, root, chosen)
        result = linearise(root, capital=chosen != "item" and not s.lower_case)
        if MIN_TOKENS <= len(result.tokens) <= MAX_TOKENS and not (
            forbidden and result.key in forbidden
        ):
            return result
    raise RuntimeError(
        f"Expected a new sentence of the kind {kind or 'any'!r} within {_ATTEMPTS} draws; "
        f"got none outside the {len(forbidden)} forbidden ones. Use another seed."
    )


def _finish(s: Scene, root: Node, kind: str) -> None:
    """Add an opener and the final punctuation; an abbreviation keeps its own full stop."""
    if kind in ("headline", "item"):
        return
    if s.informal and kind in ("plain", "copular") and s.chance(0.12):
        utterances.opener(s, root)
    last = surface(root)[-1]
    if last.form == '"':
        return
    end = _ending(s, kind)
    if end and not (end == "." and last.form.endswith(".")):
        root.right.append(punctuation(end))


def _ending(s: Scene, kind: str) -> str:
    if kind in ("yes_no", "wh"):
        return "?" if s.chance(0.95) else pick(s.rand, ("", "?"))
    if kind == "exclamation":
        return "!"
    return (_INFORMAL if s.informal else _ENDINGS).draw(s.rand)
