"""A whole distillation: each step, if it is not done already."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ...disk import held_folder
from ...training.annotation.vectors import VectorSettings
from ...training.conversion.heldout import MOST_WORDS, SHARE
from .request import Checked, Request, check, check_output
from .state import State, differences
from .steps import Step, Steps
from .times import Speeds, Work, about, measure

Say = Callable[[str], None]


def distill(
    request: Request,
    output: Path,
    *,
    overwrite: bool = False,
    say: Say = lambda text: None,
    begin: Callable[[Checked], None] = lambda checked: None,
) -> Steps:
    """Make a student of a teacher and its wheel, or finish what was begun in the folder.

    output (Path): gets texts/ and dev.spacy (without `request.dev`), annotated/, vectors/,
        student.cfg, training/model-best, packages/, report.html, report.json, and distill.json,
        the state.
    overwrite (bool): whether to do anew what depends on settings or inputs that have changed.
    say (Callable[[str], None]): is told each command, and how long all will take.
    begin (Callable[[Checked], None]): is called before the first step with what was checked.
    RETURNS (Steps): all done.
    RAISES (ValueError): for bad input, before anything is written, and if settings or inputs are
        not those of the folder; (Held): if another run is at work in it.
    """
    check_output(request, output)
    State.from_disk(output)
    with held_folder(output) as drafts:
        state = State.from_disk(output) or State()
        checked = check(request)
        steps = Steps(checked, output, state, drafts=drafts, overwrite=overwrite)
        changed = list(differences(state.settings, checked.settings)) if state.settings else []
        if changed and not overwrite:
            raise ValueError(_other(output, changed, steps))
        if changed:
            state.notes.pop("speeds", None)  # of another teacher or size, perhaps
        begin(checked)
        speeds = None if steps.is_done(_of(steps, "train")) else _speeds(steps, say)
        state.settings = checked.settings
        steps.save()
        for step in steps.all:
            if steps.is_done(step):
                say(f"{step.name}: done already")
                continue
            state.done.pop(step.name, None)
            steps.save()
            if step.command:
                say(f"\n{step.command}")
            step.do()
            state.done[step.name] = steps.keys[step.name]
            steps.save()
            if told := _afterwards(steps, step, speeds):
                say(told)
    return steps


def _other(output: Path, changed: list[str], steps: Steps) -> str:
    lines = "".join(f"\n  {line}" for line in changed)
    anew = [step.name for step in steps.all if not steps.is_done(step)]
    return (
        f"{output} holds another distillation:{lines}\nGive the same to go on, choose another "
        f"folder, or pass --overwrite, which does anew: {', '.join(anew) or 'nothing'}"
    )


def _of(steps: Steps, name: str) -> Step:
    return next(step for step in steps.all if step.name == name)


# How long it takes


def _speeds(steps: Steps, say: Say) -> Speeds:
    """Measure speeds, or take those of a run before, and say how long the rest will take."""
    notes = steps.state.notes
    if "speeds" not in notes:
        say("Timing the teacher and a student on some texts")
        notes["speeds"] = asdict(measure(steps.checked))
    speeds = Speeds(**notes["speeds"])
    work = _work(steps, speeds)
    left = {n: s for n, s in work.seconds(speeds).items() if n not in _done(steps)}
    parts = ", ".join(f"{name} {about(seconds)}" for name, seconds in left.items())
    say(
        f"This will take {about(sum(left.values()))}: {parts}. The teacher reads "
        f"{speeds.annotate:,.0f} words/s, the student learns from {speeds.learn:,.0f} words/s and "
        f"will see {work.seen:,.0f}."
    )
    return speeds


def _done(steps: Steps) -> list[str]:
    return [step.name for step in steps.all if steps.is_done(step)]


def _work(steps: Steps, speeds: Speeds) -> Work:
    """Return the work of all steps, of tokens that were counted or, before, estimated."""
    checked, notes = steps.checked, steps.state.notes
    held = min(SHARE * checked.counts.words, MOST_WORDS) if steps.holds_out else 0.0
    dev = held * speeds.tokens_per_word if steps.holds_out else checked.dev
    texts = (checked.counts.words - held) * speeds.tokens_per_word
    return Work.of(
        notes.get("tokens", checked.gold + texts) if "annotate" in _done(steps)
        else checked.gold + texts,
        dev=dev,
        is_silver=steps.holds_out,
        effort=checked.request.effort,
        context=VectorSettings().context_words,
    )  # fmt: skip


def _afterwards(steps: Steps, step: Step, speeds: Speeds | None) -> str:
    """Return what is told after a step, "" if nothing."""
    notes: dict[str, Any] = steps.state.notes
    if step.name == "texts":
        held = notes["held_out"]
        return (
            f"Held out to evaluate on, and not learnt from: {held['texts']} of "
            f"{steps.checked.counts.texts} texts, {held['words']} words ({step.made})"
        )
    if step.name == "annotate" and speeds is not None:
        work = _work(steps, speeds)
        seconds = work.seconds(speeds)
        return (
            f"{notes['tokens']:,} tokens are annotated. The student will see {work.seen:,.0f}: "
            f"training will take {about(seconds['train'])}"
        )
    return ""
