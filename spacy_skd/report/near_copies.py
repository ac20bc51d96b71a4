"""Texts that are nearly the same as others, by the runs of words that they share."""

from collections import Counter, defaultdict

from ..arrays import Ints1d

RUN = 3  # words; of a shorter text, all


class NearCopies:
    """An index of texts by their runs of three words. Two are near copies if the runs that both
    have are at least a share `overlap` of those that one has (Jaccard's index), exactly: only what
    was chosen is indexed, so no sketch is needed."""

    def __init__(self, overlap: float):
        self.overlap = overlap
        self._sizes: list[int] = []
        self._texts: dict[tuple[int, ...], list[int]] = defaultdict(list)

    def is_near(self, forms: Ints1d) -> bool:
        """Tell whether a text is a near copy of one that was added. forms: (words,)."""
        runs = runs_of(forms)
        shared = Counter(i for run in runs for i in self._texts.get(run, ()))
        return any(n >= self.overlap * (len(runs) + self._sizes[i] - n) for i, n in shared.items())

    def add(self, forms: Ints1d) -> None:
        runs = runs_of(forms)
        for run in runs:
            self._texts[run].append(len(self._sizes))
        self._sizes.append(len(runs))


def runs_of(forms: Ints1d) -> set[tuple[int, ...]]:
    words = forms.tolist()
    n = min(RUN, len(words))
    return {tuple(words[i : i + n]) for i in range(len(words) - n + 1)}
