"""Whether stores have hidden states that can be learnt together."""

from collections.abc import Sequence

from .store import BeliefStore

REMEDY = "annotate again with --hidden 24 into another folder"


def check_hidden(stores: Sequence[BeliefStore], *, name: str) -> None:
    """Check stores whose hidden states are to be learnt; of several some may have none.

    name (str): of who asks, for errors.
    RAISES (ValueError): if there is no store, none has hidden states, or those that have them are
        of different teachers.
    """
    if not stores:
        raise ValueError(
            f"{name}: expected a store with hidden states of the teacher, got none: annotate with "
            f"--hidden 24, and train from that store"
        )
    having = [store for store in stores if store.has_hidden]
    if not having:
        folders = ", ".join(str(store.folder) for store in stores)
        raise ValueError(
            f"{name}: expected hidden states of the teacher, {folders} has none: {REMEDY}"
        )
    teachers = {store.manifest.teacher["fingerprint"]: store for store in having}
    if len(teachers) > 1:
        of = ", ".join(f"{each.folder} ({print_})" for print_, each in teachers.items())
        raise ValueError(
            f"{name}: expected the hidden states of one teacher, found those of "
            f"{len(teachers)}: {of}, by fingerprint. To whom words are how alike differs from "
            f"one transformer to the next: keep them in the stores of one teacher alone"
        )
