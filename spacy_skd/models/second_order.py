"""Second-order arc scores: biaffine scores, refined by mean field over siblings and grandparents.

Scores of triples are trilinear in projections of hidden layers (Wang & Tu, AACL 2020): a token is
one vector as head of siblings (H), as sibling (D), as grandparent (G), between a grandparent and
its grandchild (M), and as grandchild (E). See mean_field.py.
"""

from collections.abc import Callable
from typing import Any

from spacy.tokens import Doc
from thinc.api import Model, glorot_uniform_init

from ..arrays import Floats2d, Ints2d
from ..codecs.units import Bucket
from ..errors import check_between
from ..registry import architecture
from ..structures import Parts
from .biaffine import ParserInput, ParserScores, biaffine_arcs, parser_model
from .mean_field import Factors, mean_field
from .scoring import hidden, init_hidden

# By name, whether ROOT can be it.
_FACTORS = {"H": True, "D": False, "G": True, "M": False, "E": False}
# Zeros, so that all triples start at 0; the other factors of their products are random.
_ZERO_AT_FIRST = ("H", "M")


@architecture("spacy-skd.SecondOrderBiaffine.v1")
def build_second_order_parser(
    tok2vec: Model[list[Doc], list[Floats2d]],
    arc_hidden: int = 128,
    label_hidden: int = 48,
    triple_hidden: int = 64,
    rank: int = 32,
    iterations: int = 3,
    dropout: float = 0.33,
    nO: int | None = None,
    max_distance: int = 0,
) -> Model[ParserInput, ParserScores]:
    """Make a `spacy-skd.BiaffineParser.v1` with arc scores that have taken account of siblings and
    grandparents. The result is scores of arcs, for any structure of arcs.

    triple_hidden, rank (int): widths of the hidden layers of the scores of triples, and of their
        projections.
    iterations (int): of mean field.
    arc_hidden, label_hidden, dropout, nO, max_distance: see `spacy-skd.BiaffineParser.v1`.
    RAISES (ValueError): for less than one iteration, hidden unit or rank, or a negative distance.
    """
    check_between("iterations", iterations, low=1, high=100)
    check_between("rank", rank, low=1, high=10**5)
    check_between("triple_hidden", triple_hidden, low=1, high=10**5)
    width = tok2vec.maybe_get_dim("nO")
    arcs = biaffine_arcs(nI=width, nH=arc_hidden, dropout=dropout, max_distance=max_distance)
    refined = _second_order_arcs(arcs, nH=triple_hidden, rank=rank, iterations=iterations)
    return parser_model(tok2vec, refined, label_hidden=label_hidden, dropout=dropout, nO=nO)


def _second_order_arcs(
    arcs: Model[Any, Any], *, nH: int, rank: int, iterations: int
) -> Model[Any, Any]:
    names = [f"{name}_{kind}" for name in _FACTORS for kind in ("W", "b", "P", "c")]
    return Model(
        "second_order_arcs",
        _forward,
        init=_init,
        layers=[arcs],
        dims={"nI": arcs.maybe_get_dim("nI"), "nH": nH, "nR": rank},
        params=dict.fromkeys([*names, "root"]),
        attrs={"hidden_dropout": arcs.attrs["hidden_dropout"], "iterations": iterations},
    )


def _init(model: Model[Any, Any], X: Any = None, Y: Any = None) -> None:
    arcs = model.layers[0]
    n_in, n_hidden, rank = (model.get_dim(dim) for dim in ("nI", "nH", "nR"))
    if not arcs.has_dim("nI"):
        arcs.set_dim("nI", n_in)
    arcs.initialize()
    for name in _FACTORS:
        init_hidden(model, name, nO=n_hidden, nI=n_in)
        shape, zero = (rank, n_hidden), name in _ZERO_AT_FIRST
        P = model.ops.alloc2f(*shape) if zero else glorot_uniform_init(model.ops, shape)
        model.set_param(f"{name}_P", P)
        model.set_param(f"{name}_c", model.ops.alloc1f(rank))
    model.set_param("root", glorot_uniform_init(model.ops, (1, n_in)))


def _forward(
    model: Model[Any, Any], X: tuple[Floats2d, list[Bucket]], is_train: bool
) -> tuple[list[Parts], Callable[..., Any]]:
    rows, buckets = X
    xp = model.ops.xp
    first, backprop_first = model.layers[0](X, is_train)
    factors, backprop_factors = _factors(model, rows, is_train)
    refined: list[Parts] = []
    steps: list[Callable[..., Any]] = []
    for bucket, parts in zip(buckets, first):
        index = _indices(bucket, len(rows))
        gathered = Factors(**{name: factors[name][xp.asarray(index[name])] for name in _FACTORS})
        scores, backprop_scores = mean_field(parts, gathered, iterations=model.attrs["iterations"])
        refined.append(scores)
        steps.append(backprop_scores)

    def backprop(d_refined: list[Parts]) -> Floats2d:
        d_factors = {name: xp.zeros_like(factor) for name, factor in factors.items()}
        d_first: list[Parts] = []
        for bucket, backprop_scores, d_parts in zip(buckets, steps, d_refined):
            d_arcs, d_gathered = backprop_scores(d_parts)
            d_first.append(d_arcs)
            index = _indices(bucket, len(rows))
            for name in _FACTORS:
                _add(xp, d_factors[name], index[name], getattr(d_gathered, name), bucket)
        result: Floats2d = backprop_first(d_first) + backprop_factors(d_factors)
        return result

    return refined, backprop


def _factors(
    model: Model[Any, Any], rows: Floats2d, is_train: bool
) -> tuple[dict[str, Floats2d], Callable[[dict[str, Floats2d]], Floats2d]]:
    """Return, by name, (T, R), and where ROOT can be it (T + 1, R), ROOT last."""
    dropout = model.attrs["hidden_dropout"] if is_train else 0.0
    all_rows = model.ops.xp.concatenate([rows, model.get_param("root").astype(rows.dtype)])
    factors: dict[str, Floats2d] = {}
    layers: dict[str, tuple[Floats2d, Callable[..., Any]]] = {}
    for name, has_root in _FACTORS.items():
        layers[name] = hidden(model, name, all_rows if has_root else rows, dropout=dropout)
        P, c = model.get_param(f"{name}_P"), model.get_param(f"{name}_c")
        factors[name] = layers[name][0] @ P.T + c

    def backprop(d_factors: dict[str, Floats2d]) -> Floats2d:
        d_all = model.ops.xp.zeros_like(all_rows)
        for name, d_factor in d_factors.items():
            Y, backprop_hidden = layers[name]
            model.inc_grad(f"{name}_P", d_factor.T @ Y)
            model.inc_grad(f"{name}_c", d_factor.sum(axis=0))
            d_all[: len(d_factor)] += backprop_hidden(d_factor @ model.get_param(f"{name}_P"))
        model.inc_grad("root", d_all[-1:])
        d_rows: Floats2d = d_all[:-1]
        return d_rows

    return factors, backprop


def _indices(bucket: Bucket, root_row: int) -> dict[str, Ints2d]:
    """Return rows of the factors of a bucket's tokens, (B, N), or of its heads, (B, N + 1)."""
    heads, tokens = bucket.heads(root_row), bucket.index(padding=0)
    return {name: heads if has_root else tokens for name, has_root in _FACTORS.items()}


def _add(xp: Any, d_rows: Floats2d, index: Ints2d, d_gathered: Any, bucket: Bucket) -> None:
    """Add a bucket's gradients to their rows; each token is in one place of one bucket."""
    inside = xp.asarray(bucket.inside)
    if index.shape[1] > bucket.n_tokens:
        d_rows[-1] += d_gathered[:, 0].sum(axis=0)
        index, d_gathered = index[:, 1:], d_gathered[:, 1:]
    d_rows[xp.asarray(index)[inside]] = d_gathered[inside]
