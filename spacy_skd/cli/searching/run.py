"""A whole search: what is not done yet of it."""

from collections.abc import Callable, Sequence
from pathlib import Path

from ...disk import held_folder, write_new
from ...errors import DamagedError
from ..distillation.state import State, differences
from ..distillation.times import about
from .request import Request, check, check_output, machine
from .space import WIDTHS, choice_of, propose, smallest
from .told import CONFIG, PICTURE, TRIALS, lines, picture
from .trials import RUNGS, Trial, shares, survivors, trainings
from .work import FILE, REFERENCE, Work

Say = Callable[[str], None]


def search(
    request: Request,
    output: Path,
    *,
    overwrite: bool = False,
    say: Say = lambda text: None,
) -> tuple[Work, Trial]:
    """Search the most accurate student of a budget, or go on where that was interrupted.

    output (Path): gets student.cfg, the config of what is found; search.svg and trials.jsonl, all
        that was tried; trials/, trainings; and search.json, the state.
    overwrite (bool): whether to begin anew if settings, inputs or the machine have changed.
    say (Callable[[str], None]): is told what is done, and how long it will take.
    RETURNS (tuple[Work, Trial]): all of it done, and what is found: of those that meet the budget
        the best after the longest training, the preset among them if it does.
    RAISES (ValueError): for bad input, before anything is written; if what was given, or the
        machine, is not that of the folder; if nothing meets the budget; (Held): if another run is
        at work in it.
    """
    check_output(request, output)
    State.from_disk(output, FILE)
    with held_folder(output) as drafts:
        state = State.from_disk(output, FILE) or State()
        checked = check(request)
        changed = list(differences(state.settings, checked.settings)) if state.settings else []
        if changed and not overwrite:
            raise ValueError(_other(output, changed))
        work = Work(checked, output, state, drafts=drafts, say=say)
        if changed:
            work.clear()
        state.settings = checked.settings
        work.save()
        _try_all(work, say)
        for rung in range(1, RUNGS):
            _go_on(work, rung, say)
        best = _best(work)
        write_new(output / CONFIG, work.written(best).to_bytes(), overwrite=True)
        _report(work, best)
    return work, best


def _other(output: Path, changed: list[str]) -> str:
    text = "".join(f"\n  {line}" for line in changed)
    is_moved = any(line.split(":")[0] in machine() for line in changed)
    times = "\nTimes that were measured on another machine do not compare." if is_moved else ""
    return (
        f"{output} holds another search:{text}{times}\nGive the same to go on"
        f"{' there' if is_moved else ''}, choose another folder, or pass --overwrite, which begins "
        f"anew"
    )


def _try_all(work: Work, say: Say) -> None:
    """Let every candidate have its first training, the preset first."""
    words = work.request.effort * work.checked.words
    n_trials = work.request.trials
    if not work.trials:
        say(
            f"{work.request.preset} is trained first, on {shares()[0] * words:,.0f} words: all "
            f"speeds are compared with its own, and it tells how long the search takes"
        )
    for number in range(n_trials):
        if number == len(work.trials):
            work.trials.append(_candidate(work, number, say))
            work.save()
        trial = work.trials[number]
        if trial.width is not None and not trial.scores and not trial.failed:
            say(f"\nTrial {number + 1} of {n_trials}: {_about(trial)}")
            _train(work, trial, 0, say)
        if number == REFERENCE:
            _tell_time(work, say)
            _check_budget(work)


def _train(work: Work, trial: Trial, rung: int, say: Say) -> None:
    """Train a candidate and tell the result. One whose training diverges is left; of the preset
    that is an error, since what fails it will fail all."""
    try:
        work.train(trial, rung)
    except DamagedError as error:
        if trial.number == REFERENCE:
            raise
        trial.failed = str(error)
        work.save()
        say(f"Trial {trial.number + 1}: left, its training diverged: {error}")
    else:
        say(f"Trial {trial.number + 1}: {_result(trial)}")
    _report(work, None)


def _candidate(work: Work, number: int, say: Say) -> Trial:
    """Return what is tried next: the preset as it is, with the width that the budget allows it, or
    a proposal."""
    space, request = work.checked.space, work.request
    start = choice_of(work.preset, space)
    if number == REFERENCE:
        return Trial(number, start, width=work.preset.width)
    tried = [(trial.choice, _value(work, trial)) for trial in work.trials]
    choice = start if number == 1 else propose(space, tried, seed=request.seed * 10_000 + number)
    width, speed = work.fit(choice)
    if number == 1 and width == work.preset.width:
        choice = propose(space, tried, seed=request.seed * 10_000 + number)
        width, speed = work.fit(choice)
    if width is not None:  # whose heads may be fewer, so that they divide it
        choice = choice_of(work.size(choice, width), space)
    trial = Trial(number, choice, width=width, estimate=speed)
    if width is None:
        say(
            f"Trial {number + 1}: not trained, no width meets the budget, {WIDTHS[0]} reads about "
            f"{speed:,.0f} words/s ({_about(trial)})"
        )
    return trial


def _value(work: Work, trial: Trial) -> float | None:
    """Return what the sampler learns of a trial: its first score, if it meets the budget."""
    meets = trial.meets(work.request.words_per_second, work.request.megabytes)
    return trial.scores[0] if meets else None


def _check_budget(work: Work) -> None:
    """Raise ValueError if the smallest student of all does not meet the budget."""
    request, notes = work.request, work.state.notes
    if "smallest" not in notes:
        notes["smallest"] = work.estimate(smallest(work.checked.space), WIDTHS[0])
        work.save()
    speed, size = notes["smallest"]
    if speed < request.words_per_second:
        raise ValueError(_unmet(work, f"the smallest reads about {speed:,.0f} words/s"))
    if request.megabytes is not None and size > request.megabytes:
        hint = ", word vectors among them (--vectors)" if request.vectors else ""
        raise ValueError(_unmet(work, f"the smallest has {size:.1f} MB{hint}"))


def _unmet(work: Work, why: str) -> str:
    asked = f"{work.request.words_per_second:,.0f} words/s"
    if work.request.megabytes is not None:
        asked += f" and {work.request.megabytes:g} MB"
    preset = work.trials[REFERENCE]
    return (
        f"no student meets the budget of {asked}: {why}; {work.request.preset} reads "
        f"{preset.words_per_second:,.0f} with {preset.megabytes:.1f} MB. Ask for less, "
        f"or for fewer components (--pipes)"
    )


def _go_on(work: Work, rung: int, say: Say) -> None:
    """Let the best of a training have the next one."""
    asked, size = work.request.words_per_second, work.request.megabytes
    fit = [trial for trial in work.trials if trial.meets(asked, size)]
    if not fit:
        raise ValueError(_unmet(work, _nearest(work.trials, asked)))
    chosen = survivors(fit, rung - 1, always=[REFERENCE])
    say(f"\n{len(chosen)} of {len(fit)} go on: {', '.join(str(t.number + 1) for t in chosen)}")
    for trial in work.trials:
        if trial not in chosen and len(trial.scores) == rung:
            work.drop(trial, rung - 1)
    for trial in chosen:
        if len(trial.scores) == rung and not trial.failed:
            say(f"\nTrial {trial.number + 1}, training {rung + 1} of {RUNGS}: {_about(trial)}")
            _train(work, trial, rung, say)
        work.drop(trial, rung - 1)


def _nearest(trials: Sequence[Trial], asked: float) -> str:
    """Say what comes nearest to a budget that no trial meets."""
    trained = [trial for trial in trials if trial.megabytes is not None]
    if sizes := [trial.megabytes or 0.0 for trial in trained if trial.meets(asked, None)]:
        return f"the smallest that was trained and is as fast has {min(sizes):.1f} MB"
    fastest = max(trial.words_per_second or 0.0 for trial in trials)
    return f"the fastest that was trained reads {fastest:,.0f} words/s"


def _best(work: Work) -> Trial:
    ended = [trial for trial in work.trials if len(trial.scores) == RUNGS]
    if not ended:
        raise ValueError(
            "each candidate that meets the budget diverged in a longer training (`failed` in "
            f"{TRIALS}): ask for more --trials in another folder, or less --effort"
        )
    return min(ended, key=lambda trial: (-trial.scores[-1], trial.number))


def _report(work: Work, best: Trial | None) -> None:
    """Write what was tried so far."""
    write_new(work.out / TRIALS, lines(work).encode("utf8"), overwrite=True)
    write_new(work.out / PICTURE, picture(work, best).encode("utf8"), overwrite=True)


def _tell_time(work: Work, say: Say) -> None:
    done = sum(sum(shares()[: len(trial.scores)]) for trial in work.trials)
    seconds = sum(trial.seconds for trial in work.trials)
    left = trainings(work.request.trials) - done
    say(
        f"This will take {about(left * seconds / done)} at most: {work.request.trials} trials, of "
        f"which a third goes on twice; all in all {left + done:.1f} trainings of "
        f"{work.request.effort * work.checked.words:,.0f} words"
    )


def _about(trial: Trial) -> str:
    sizes = ", ".join(f"{name} {value}" for name, value in trial.choice.items())
    estimate = f"; about {trial.estimate:,.0f} words/s" if trial.estimate else ""
    return f"width {trial.width or WIDTHS[0]}, {sizes}{estimate}"


def _result(trial: Trial) -> str:
    return (
        f"score {100 * (trial.score or 0.0):.2f}, {trial.words_per_second:,.0f} words/s, "
        f"{trial.megabytes:.1f} MB"
    )
