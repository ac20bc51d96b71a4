"""What structures of labelled spans share: a score for each span of up to a width."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from ..arrays import ArrayModule, FloatsXd
from .base import Structure, log_of
from .parts import Parts, clean_scores

if TYPE_CHECKING:
    from typing_extensions import Self


@dataclass(frozen=True)
class SpanStructure(Structure):
    """Labelled spans; not being one scores 0, so a unit always has a structure, the one without.

    Parts: span (B, N, W, L), W = max_width.

    max_width (int): tokens of the longest span, at least 1.
    """

    max_width: int
    family: ClassVar[str] = "segments"
    annotates: ClassVar[str] = "labelled spans"
    parts: ClassVar[tuple[str, ...]] = ("span",)

    def __post_init__(self) -> None:
        if self.max_width < 1:
            raise ValueError(f"{self.name}: expected max_width of at least 1, got {self.max_width}")

    def of_width(self, max_width: int) -> "Self":
        """Return the same of wider or narrower spans."""
        return replace(self, max_width=max_width)

    def odds(self, marginals: Parts) -> dict[str, FloatsXd]:
        """See `Structure.odds`: relative to not being a span, which scores 0."""
        span = marginals.arrays["span"]
        none = 1.0 - self.said(span.astype("float64"))
        return {"span": log_of(span) - log_of(none)}

    def said(self, span: FloatsXd) -> FloatsXd:
        """Return the probability of a choice's labels together. span: (B, N, W, L) marginals."""
        total: FloatsXd = span.sum(axis=-1, keepdims=True)
        return total

    def checked(self, scores: Parts) -> Any:
        """Return the scores of spans. RAISES (ValueError): if one is NaN or +inf, or they are of
        another width."""
        span = scores.arrays["span"]
        if span.shape[2] != self.max_width:
            raise ValueError(
                f"{self.name}: expected span scores (B, N, W, L) with W = max_width = "
                f"{self.max_width}, got {span.shape}; score spans of that width, or give the "
                f"structure another"
            )
        return clean_scores(span, what=self.name)


def inside(xp: ArrayModule, mask: Any, width: int) -> Any:
    """(B, N, W): whether a span ends within its unit. mask: (B, N)."""
    left = mask[:, ::-1].cumsum(axis=1)[:, ::-1]  # tokens from here on
    return left[..., None] > xp.arange(width)
