"""What sizes a student may have, and those that a sampler proposes next."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...training.configs.presets import Preset

Choice = Mapping[str, int]  # by the name of a setting, its value

# Width is none of them: it is as large as the budget lets it be.
WIDTHS = tuple(range(32, 257, 16))
SPACE: dict[str, tuple[int, ...]] = {
    "depth": (1, 2, 3, 4, 5, 6),
    "maxout_pieces": (2, 3, 4),
    "attention_depth": (0, 1, 2, 3, 4),
    "heads": (1, 2, 4, 6, 8, 12, 16),
    "hidden_multiple": (1, 2, 3, 4),
    "block": (16, 32, 64, 128),
    "halo": (8, 16, 32, 64),
    "rows": (500, 1000, 1500, 2000, 2500, 4000, 6000, 10000),
    "affix_rows": (250, 500, 1000, 2000),
}
OF_PARSER: dict[str, tuple[int, ...]] = {
    "arc_hidden": tuple(range(32, 257, 16)),
    "label_hidden": tuple(range(16, 97, 8)),
}
STARTUP = 8  # trials before the sampler learns from them
# Rows of the embeddings after the first, by those of the first: as in the presets.
_SUFFIX = 2


def space_of(*, has_parser: bool) -> dict[str, tuple[int, ...]]:
    """Return the values of each setting, from small to large."""
    return {**SPACE, **(OF_PARSER if has_parser else {})}


def choice_of(preset: Preset, space: Iterable[str]) -> dict[str, int]:
    """Return what a preset has chosen."""
    return {
        name: preset.rows[0] if name == "rows" else int(getattr(preset, name)) for name in space
    }


def sized(preset: Preset, choice: Choice, width: int) -> Preset:
    """Return a preset with other sizes. All heads are of one width, so that there may be fewer."""
    given: dict[str, Any] = dict(choice)
    rows, heads = given.pop("rows"), given.pop("heads")
    prefix, _, shape = preset.rows[1:]
    return replace(
        preset,
        about="",
        width=width,
        heads=max(n for n in SPACE["heads"] if n <= heads and width % n == 0),
        rows=(rows, prefix, rows // _SUFFIX, shape),
        **given,
    )


def smallest(space: Mapping[str, Sequence[int]]) -> dict[str, int]:
    """Return the choice that costs least."""
    return {name: values[0] for name, values in space.items()}


def propose(
    space: Mapping[str, Sequence[int]],
    tried: Sequence[tuple[Choice, float | None]],
    *,
    seed: int,
) -> dict[str, int]:
    """Propose a choice that was not tried yet, by a tree-structured Parzen estimator (Bergstra et
    al. 2011). The same of the same history and seed, whatever was asked before.

    tried (Sequence[tuple[Choice, float | None]]): choices with their scores; None where no width of
        it meets the budget, which is worse than any score.
    RAISES (ValueError): if there is nothing left to try.
    """
    import optuna  # of the extra [search]

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    # Places in the list of values: they are ordered, and their steps alike.
    places = {n: optuna.distributions.IntDistribution(0, len(v) - 1) for n, v in space.items()}
    sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=STARTUP)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    state = optuna.trial.TrialState
    for choice, value in tried:
        trial = optuna.trial.create_trial(
            params={name: _nearest(values, choice[name]) for name, values in space.items()},
            distributions=dict(places),
            # One that was pruned before its first score comes after all that have one.
            state=state.PRUNED if value is None else state.COMPLETE,
            value=value,
        )
        study.add_trial(trial)
    before = [dict(choice) for choice, _ in tried]
    for _ in range(100):
        asked = study.ask(dict(places))
        choice = {name: space[name][place] for name, place in asked.params.items()}
        if choice not in before:
            return choice
        study.tell(asked, state=state.FAIL)
    raise ValueError("all sizes that are likely to be good were tried: ask for fewer --trials")


def _nearest(values: Sequence[int], value: int) -> int:
    return min(range(len(values)), key=lambda place: abs(values[place] - value))
