"""A whole stream: each step, if it is not done already."""

import gc
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...disk import held_folder, write_new
from ...shards.manifest import FILE as MANIFEST
from ..distillation.state import State, differences
from .corpora import store_in
from .matrix import summaries
from .request import Request, check, check_output
from .stages import labels_of
from .steps import ANNOTATE, Steps
from .work import FILE, Work

Say = Callable[[str], None]


def stream(
    request: Request,
    output: Path,
    *,
    overwrite: bool = False,
    say: Say = lambda text: None,
) -> Work:
    """Teach a student corpora in turn, or go on where that was interrupted. Corpora that are added
    at the end go on with the student that there is.

    output (Path): gets, of each corpus, annotated/NAME (and teachers/NAME, if one is trained);
        vectors/; stream/N_NAME with the student after N corpora, and what it rehearsed; the same of
        what it is compared with; report.json; and stream.json, the state.
    overwrite (bool): whether to do anew what depends on settings or inputs that have changed.
    say (Callable[[str], None]): is told each step, and the command that does it.
    RETURNS (Work): all of it done.
    RAISES (ValueError): for bad input, before anything is written, and if settings or inputs are
        not those of the folder; (Held): if another run is at work in it.
    """
    check_output(request, output)
    State.from_disk(output, FILE)
    with held_folder(output) as drafts:
        state = State.from_disk(output, FILE) or State()
        checked = check(request, state.settings, _annotated(output, state))
        work = Work(checked, output, state, drafts=drafts, overwrite=overwrite)
        steps = Steps(work)
        changed = _changed(state.settings, checked.settings)
        if changed and not overwrite:
            raise ValueError(_other(output, changed, steps))
        state.settings = checked.settings
        work.save()
        anew: set[str] = set()
        for step in steps.all:
            if steps.is_done(step) and not anew.intersection(step.before):
                say(f"{step.name}: done already")
                continue
            anew.add(step.name)
            state.done.pop(step.name, None)
            work.save()
            say(f"\n{step.name}" + (f"\n{step.command}" if step.command else ""))
            step.do()
            gc.collect()  # pipelines refer to themselves, and one may be a transformer's
            state.done[step.name] = step.key
            work.save()
        _report(work)
    return work


def _annotated(output: Path, state: State) -> dict[str, set[str]]:
    """Return by name the corpora that their teachers have annotated, with the layers of that; none
    where somebody removed the folder."""
    names = [name.removeprefix(ANNOTATE) for name in state.done if name.startswith(ANNOTATE)]
    stores = {name: store_in(output, name) for name in names}
    return {
        name: set(labels_of(store)) if (store / MANIFEST).exists() else set()
        for name, store in stores.items()
    }


def _changed(stored: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Return a line for each setting that differs. Corpora may be added at the end."""
    if not stored:
        return []
    before, now = stored["corpora"], new["corpora"]
    lines = list(differences({**stored, "corpora": None}, {**new, "corpora": None}))
    if list(now)[: len(before)] != list(before):
        lines.append(f"corpora: were {', '.join(before)}, are {', '.join(now)}")
    for name in before:
        if name in now:
            lines += [f"{name}: {line}" for line in differences(before[name], now[name])]
    return lines


def _other(output: Path, changed: list[str], steps: Steps) -> str:
    lines = "".join(f"\n  {line}" for line in changed)
    anew = [step.name for step in steps.all if not steps.is_done(step)]
    return (
        f"{output} holds another stream:{lines}\nGive the same to go on (more corpora at the end "
        f"are welcome), choose another folder, or pass --overwrite, which does anew: "
        f"{', '.join(anew) or 'nothing'}"
    )


def _report(work: Work) -> None:
    scores = work.scores()
    written = {
        "corpora": work.names,
        "student": str(work.last.best),
        "rehearsed": work.rehearsed,
        "summary": summaries(scores, work.names),
        "scores": scores,
    }
    text = json.dumps(written, indent=1) + "\n"
    write_new(work.out / "report.json", text.encode("utf8"), overwrite=True)
