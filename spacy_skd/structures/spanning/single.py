"""Chu-Liu/Edmonds for one unit, in plain Python: for the few sentences of a short text faster than
`maximum`, where each step is a call of NumPy for all units together."""

from math import inf


def maximum_tree(scores: list[list[float]]) -> list[int]:
    """Return the head of each node in the best tree; 0 for ROOT itself.

    scores (list[list[float]]): [dependent][head] in nats, node 0 = ROOT, whose own row is not read;
        -inf for a node as its own head.
    """
    heads = [row.index(max(row)) for row in scores]
    heads[0] = 0
    cycle = _cycle(heads)
    if not cycle:
        return heads
    kept = {node: scores[node][heads[node]] for node in cycle}
    rest = [node for node in range(len(scores)) if node not in kept]
    # The cycle becomes the last node. What enters at a member costs the arc that this has within.
    exits = [max(cycle, key=scores[node].__getitem__) for node in rest]
    smaller = [
        [*map(scores[node].__getitem__, rest), scores[node][member]]
        for node, member in zip(rest, exits)
    ]
    entries = [max((scores[node][head] - kept[node], node) for node in cycle) for head in rest]
    smaller.append([*(gain for gain, _ in entries), -inf])
    found = maximum_tree(smaller)
    for node, head, member in zip(rest, found, exits):
        heads[node] = member if head == len(rest) else rest[head]
    heads[0] = 0
    heads[entries[found[-1]][1]] = rest[found[-1]]
    return heads


def _cycle(heads: list[int]) -> list[int]:
    """Return the nodes of one cycle, none if there is none."""
    visited = [0] * len(heads)  # in which walk
    for start in range(1, len(heads)):
        node = start
        while node and not visited[node]:
            visited[node] = start
            node = heads[node]
        if node and visited[node] == start:
            cycle = [node]
            while heads[cycle[-1]] != node:
                cycle.append(heads[cycle[-1]])
            return cycle
    return []
