"""Self-attention and feed-forward over blocks, pre-norm, with a learned relative position bias.

    X += W_o attend(norm(X))          attention = softmax(Q K^T / sqrt(d) + bias[distance])
    X += W_2 relu(W_1 norm(X))

Xiong et al., "On Layer Normalization in the Transformer Architecture" (ICML 2020); the bias is that
of Raffel et al. (2020, T5), one number for each head and distance, clipped. It starts as slopes, as
in Press et al., "Train Short, Test Long" (ICLR 2022), section 3, half of the heads looking to each
side: where to look takes long to learn.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy
from thinc.api import Model, Ops, glorot_uniform_init

from ..arrays import Floats2d
from .blocks import Group

AttentionInput = tuple[Floats2d, list[Group]]
_MASKED = -1e9
_OTHER_SIDE = 4.0  # nats less for what is on the other side of the token
EPSILON = 1e-5


def attention_layer(
    *, width: int, heads: int, hidden: int, max_distance: int
) -> Model[AttentionInput, AttentionInput]:
    """Make a layer of (T, width) rows and their blocks to the same.

    heads (int): divides the width. hidden (int): of the feed-forward layer.
    max_distance (int): distances beyond share one bias.
    RAISES (ValueError): if the heads do not divide the width.
    """
    if width % heads:
        raise ValueError(f"attention: expected a width that {heads} heads divide, got {width}")
    return Model(
        "attention",
        _forward,
        init=_init,
        dims={"nO": width, "nI": width, "nH": heads, "nF": hidden, "nD": max_distance},
        params=dict.fromkeys(
            ("norm1_G", "norm1_b", "QKV_W", "QKV_b", "bias", "O_W", "O_b")
            + ("norm2_G", "norm2_b", "F1_W", "F1_b", "F2_W", "F2_b")
        ),
        attrs={"dropout_rate": 0.0},
    )


def _init(model: Model[Any, Any], X: Any = None, Y: Any = None) -> None:
    ops, width, hidden = model.ops, model.get_dim("nO"), model.get_dim("nF")
    for norm in ("norm1", "norm2"):
        model.set_param(f"{norm}_G", ops.alloc1f(width) + 1)
        model.set_param(f"{norm}_b", ops.alloc1f(width))
    shapes = {"QKV": (3 * width, width), "O": (width, width)}
    shapes.update(F1=(hidden, width), F2=(width, hidden))
    for name, shape in shapes.items():
        model.set_param(f"{name}_W", glorot_uniform_init(ops, shape))
        model.set_param(f"{name}_b", ops.alloc1f(shape[0]))
    model.set_param(
        "bias", ops.asarray2f(_slopes(heads=model.get_dim("nH"), limit=model.get_dim("nD")))
    )


def _slopes(*, heads: int, limit: int) -> Floats2d:
    """Return (heads, 2 * limit + 1) of the distances -limit ... limit: 0 for the token itself, and
    less by 1/2, 1/4, 1/8 ... a token for the heads that look to a side; a single head looks
    left."""
    n_left = -(-heads // 2)
    distances = numpy.arange(-limit, limit + 1)
    step = 0.5 ** numpy.array([1 + (h if h < n_left else h - n_left) for h in range(heads)])
    bias = -step[:, None] * abs(distances)
    bias[:n_left, distances > 0] -= _OTHER_SIDE
    bias[n_left:, distances < 0] -= _OTHER_SIDE
    return bias.astype("float32")


def _forward(
    model: Model[Any, Any], X: AttentionInput, is_train: bool
) -> tuple[AttentionInput, Callable[..., Any]]:
    rows, groups = X
    normed, backprop_norm1 = layer_norm(model, "norm1", rows)
    attended, backprop_attention = _attend(model, normed, groups, is_train)
    attended, backprop_drop1 = _dropout(model, attended, is_train)
    middle = rows + attended
    normed2, backprop_norm2 = layer_norm(model, "norm2", middle)
    fed, backprop_feed = _feed_forward(model, normed2)
    fed, backprop_drop2 = _dropout(model, fed, is_train)

    def backprop(d_output: AttentionInput) -> AttentionInput:
        d_middle = d_output[0]
        d_middle = d_middle + backprop_norm2(backprop_feed(backprop_drop2(d_middle)))
        d_rows = d_middle + backprop_norm1(backprop_attention(backprop_drop1(d_middle)))
        return d_rows, groups

    return (middle + fed, groups), backprop


def layer_norm(
    model: Model[Any, Any], name: str, X: Floats2d
) -> tuple[Floats2d, Callable[..., Any]]:
    """Return (X - mean) / deviation * G + b, over the last axis."""
    G, b = model.get_param(f"{name}_G"), model.get_param(f"{name}_b")
    xp = model.ops.xp
    n = X.shape[1]
    centred = X - X.mean(axis=1, keepdims=True)
    variance = xp.einsum("ij,ij->i", centred, centred)[:, None] / n
    scale = 1.0 / xp.sqrt(variance + EPSILON)
    centred *= scale
    Y = centred * G
    Y += b

    def backprop(dY: Floats2d) -> Floats2d:
        model.inc_grad(f"{name}_G", xp.einsum("ij,ij->j", dY, centred))
        model.inc_grad(f"{name}_b", dY.sum(axis=0))
        d_hat = dY * G
        mean = d_hat.mean(axis=1, keepdims=True)
        along = xp.einsum("ij,ij->i", d_hat, centred)[:, None] / n
        result: Floats2d = (d_hat - mean - centred * along) * scale
        return result

    return Y, backprop


def _dropout(
    model: Model[Any, Any], X: Floats2d, is_train: bool
) -> tuple[Floats2d, Callable[..., Any]]:
    rate = model.attrs["dropout_rate"]
    if not rate or not is_train:
        return X, lambda dY: dY
    mask = model.ops.get_dropout_mask(X.shape, rate)
    return X * mask, lambda dY: dY * mask


def _feed_forward(model: Model[Any, Any], X: Floats2d) -> tuple[Floats2d, Callable[..., Any]]:
    H, backprop_in = _affine(model, "F1", X)
    model.ops.xp.maximum(H, 0.0, out=H)
    Y, backprop_out = _affine(model, "F2", H)

    def backprop(dY: Floats2d) -> Floats2d:
        result: Floats2d = backprop_in(backprop_out(dY) * (H > 0))
        return result

    return Y, backprop


def _affine(model: Model[Any, Any], name: str, X: Floats2d) -> tuple[Floats2d, Callable[..., Any]]:
    W, b = model.get_param(f"{name}_W"), model.get_param(f"{name}_b")
    Y = X @ W.T
    Y += b

    def backprop(dY: Floats2d) -> Floats2d:
        model.inc_grad(f"{name}_W", dY.T @ X)
        model.inc_grad(f"{name}_b", dY.sum(axis=0))
        result: Floats2d = dY @ W
        return result

    return Y, backprop


def _attend(
    model: Model[Any, Any], X: Floats2d, groups: list[Group], is_train: bool
) -> tuple[Floats2d, Callable[..., Any]]:
    """Attend with several heads within blocks. X: (T, width)."""
    xp = model.ops.xp
    qkv, backprop_qkv = _affine(model, "QKV", X)
    mixed = xp.zeros_like(X)
    backprops: list[Callable[..., Any]] = []
    for group in groups:
        mixture, backprop_group = _attend_group(model, qkv, group, is_train)
        mixed[xp.asarray(group.queries[group.query_mask])] = mixture[xp.asarray(group.query_mask)]
        backprops.append(backprop_group)
    Y, backprop_out = _affine(model, "O", mixed)

    def backprop(dY: Floats2d) -> Floats2d:
        d_mixed = backprop_out(dY)
        d_parts = [xp.zeros_like(X) for _ in "QKV"]
        for backprop_group in backprops:
            backprop_group(d_mixed, *d_parts)
        result: Floats2d = backprop_qkv(xp.concatenate(d_parts, axis=1))
        return result

    return Y, backprop


def _attend_group(
    model: Model[Any, Any], qkv: Floats2d, group: Group, is_train: bool
) -> tuple[Floats2d, Callable[..., Any]]:
    """Attend within one batch of blocks.

    qkv (Floats2d): (T, 3 * width). RETURNS: (G, Q, width), and a function that adds the gradients
        of its rows to those of the queries, keys and values, (T, width) each.
    """
    xp = model.ops.xp
    heads, width = model.get_dim("nH"), model.get_dim("nO")
    factor = 1.0 / math.sqrt(width // heads)
    query_rows, key_rows = xp.asarray(group.queries), xp.asarray(group.keys)
    Q = _split_heads(xp, qkv[:, :width], query_rows, heads) * factor
    K = _split_heads(xp, qkv[:, width : 2 * width], key_rows, heads)
    V = _split_heads(xp, qkv[:, 2 * width :], key_rows, heads)
    columns = _bias_columns(model, group)
    weights = Q @ K.transpose(0, 1, 3, 2)
    weights += model.get_param("bias")[:, columns][None]
    if not group.key_mask.all():
        masked = xp.where(xp.asarray(group.key_mask), 0.0, _MASKED).astype(weights.dtype)
        weights += masked[:, None, None]
    weights = _softmax(xp, weights)
    mixture = _join_heads(weights @ V)

    def backprop(d_mixed: Floats2d, d_Q: Floats2d, d_K: Floats2d, d_V: Floats2d) -> None:
        mask = xp.asarray(group.query_mask)
        d_mixture = d_mixed[query_rows] * mask[..., None]
        d_out = _split_heads_3d(xp, d_mixture, heads)
        d_weights = d_out @ V.transpose(0, 1, 3, 2)
        d_v = weights.transpose(0, 1, 3, 2) @ d_out
        inner = xp.einsum("ghqk,ghqk->ghq", d_weights, weights)[..., None]
        d_scores = (d_weights - inner) * weights
        d_q = (d_scores @ K) * factor
        d_k = d_scores.transpose(0, 1, 3, 2) @ Q
        model.inc_grad("bias", _bias_gradient(model, d_scores.sum(axis=0), columns))
        d_Q[query_rows[mask]] += _join_heads(d_q)[mask]  # each row is a query once
        key_mask = xp.asarray(group.key_mask)
        _add_keys(model.ops, d_K, key_rows[key_mask], _join_heads(d_k)[key_mask])
        _add_keys(model.ops, d_V, key_rows[key_mask], _join_heads(d_v)[key_mask])

    return mixture, backprop


def _softmax(xp: Any, scores: Any) -> Any:
    """Take the softmax over the last axis, in place where it can be.

    Subtracting the maximum costs a third of attention's time and is needed only where a sum
    overflows or vanishes, which trained scores do not.
    """
    with numpy.errstate(over="ignore"):
        weights = xp.exp(scores)
        total = weights.sum(axis=-1, keepdims=True)
    if not (xp.isfinite(total).all() and (total > 1e-30).all()):
        weights = xp.exp(scores - scores.max(axis=-1, keepdims=True))
        total = weights.sum(axis=-1, keepdims=True)
    weights /= total
    return weights


def _split_heads(xp: Any, rows: Floats2d, index: Any, heads: int) -> Any:
    """Gather (T, width) rows by (G, N) index, contiguous (G, heads, N, width / heads)."""
    return _split_heads_3d(xp, rows[index], heads)


def _split_heads_3d(xp: Any, X: Any, heads: int) -> Any:
    shape = (*X.shape[:2], heads, X.shape[2] // heads)
    return xp.ascontiguousarray(X.reshape(shape).transpose(0, 2, 1, 3))


def _join_heads(X: Any) -> Any:
    """Turn (G, heads, N, d) into (G, N, heads * d)."""
    moved = X.transpose(0, 2, 1, 3)
    return moved.reshape((*moved.shape[:2], -1))


def _bias_columns(model: Model[Any, Any], group: Group) -> Any:
    limit = model.get_dim("nD")
    return model.ops.xp.asarray(numpy.clip(group.distances, -limit, limit) + limit)


def _bias_gradient(model: Model[Any, Any], d_scores: Any, columns: Any) -> Floats2d:
    """Sum the gradients of each distance. d_scores: (heads, Q, K), columns: (Q, K)."""
    ops: Ops = model.ops
    bias = model.get_param("bias")
    flat = columns.reshape(-1)
    sums = [
        ops.xp.bincount(flat, weights=head.reshape(-1), minlength=bias.shape[1])
        for head in d_scores
    ]
    result: Floats2d = ops.xp.stack(sums).astype(bias.dtype)
    return result


def _add_keys(ops: Ops, table: Floats2d, index: Any, values: Any) -> None:
    """Add values to the rows that they came from; a row is the key of several blocks."""
    ops.scatter_add(table, index.astype("int32"), ops.xp.ascontiguousarray(values))
