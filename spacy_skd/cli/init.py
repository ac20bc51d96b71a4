"""`spacy skd init`: the complete config of a student of any teacher pipeline."""

import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import typer
from spacy.cli._util import import_code
from spacy.language import Language
from spacy.tokens import Doc
from thinc.api import Config
from wasabi import msg

from ..disk import check_apart, check_new_file, write_new
from ..errors import check_positive
from ..layers.known import annotated_layers
from ..models.embedding.own_vectors import load_vectors
from ..shards.store import BeliefStore
from ..teachers.loading import load_trained
from ..training.configs.paths import check_paths
from ..training.configs.plan import Plan, check_trained, make_plan, with_gold
from ..training.configs.presets import DEFAULT, PRESETS, find_preset
from ..training.configs.retrained import retrained_weights
from ..training.configs.several_stores import ask_stores, with_stores
from ..training.configs.stored_plan import plan_of_store
from ..training.configs.student_config import for_teacher, own_settings, student_config
from ..training.configs.transitions import with_transitions
from ..training.configs.with_lexicon import with_lexicon
from ..training.configs.with_similarities import with_similarities
from ..training.lexicon.reading import read_lexicon
from .code import CODE, with_code
from .prepare import EFFORT, from_store, set_steps, student_words
from .texts.docs import docs_in
from .texts.outside import check_no_components, for_store, outside_of
from .told.failing import fail
from .told.lexicon import LEXICON, one_lexicon, tell_lexicon
from .told.rejects import ACCEPT
from .told.remedies import print_remedies

STDOUT = "-"


def init(
    teacher: str,
    *,
    preset: str = DEFAULT,
    store: str | Sequence[str] | None = None,
    vectors: str | None = None,
    lexicon: str | None = None,
    dev: str | None = None,
    pipes: Sequence[str] = (),
    keep: Sequence[str] = (),
    teach: Sequence[str] = (),
    retrain: Sequence[str] = (),
    transitions: Sequence[str] = (),
    hidden: bool = False,
    effort: float = 1.0,
) -> tuple[Config, Plan]:
    """Make a config with one student for each layer that a teacher annotates.

    teacher (str): folder or package of a trained pipeline; or a folder of beliefs of a teacher that
        is none, which then is the store, too.
    preset (str): the size, of `PRESETS`.
    store (str | Sequence[str] | None): folder that `spacy skd annotate` wrote, to train from; else
        the teacher runs in training. The number of steps then follows from its words. Of several
        the teacher has annotated one; the others may be of other teachers, and what these alone
        have is learnt, too.
    vectors (str | None): folder or package with static vectors for the students.
    lexicon (str | None): file or folder of the user's phrases and their classes, for the students'
        embedding; see `read_lexicon`.
    dev (str | None): docs to evaluate on, a `.spacy` file or a folder of them. Layers that they
        lack do not count in evaluation.
    pipes, keep, teach (Sequence[str]): the teacher's components to teach or to take over, those to
        take over though they could teach, and those to teach though they are rules; see
        `make_plan`.
    retrain (Sequence[str]): those to train anew on the student's tok2vec, from a store.
    transitions (Sequence[str]): of the students, those that are to be spaCy's own `ner` or
        `parser`, which learn action by action.
    hidden (bool): whether their tok2vec learns the similarities of the teacher's hidden states,
        too, which a store has.
    effort (float): of the words of a store that are worth seeing in training, how many are seen.
    RETURNS (tuple[Config, Plan]): the config, and what becomes of each component of the teacher.
    RAISES (ValueError): if the teacher, or what else is named, is unfit.
    """
    size = find_preset(preset)
    check_positive("effort", effort)
    folders = [store] if isinstance(store, str) else list(store or ())
    check_paths([teacher, *folders, vectors, lexicon, dev])
    outside = outside_of(teacher, folders)
    if outside is None:
        nlp = load_trained(teacher, what="teacher")
        plan = make_plan(nlp, pipes=pipes, keep=keep, teach=teach, retrain=retrain)
        check_trained(nlp, plan)
    else:
        folder, manifest, nlp = outside
        folders = [folder]
        plan = plan_of_store(manifest, pipes=pipes)
        check_no_components(keep=keep, teach=teach, retrain=retrain)
    stores = [BeliefStore(folder, memory=0, name="init") for folder in folders]
    if retrain and len(stores) != 1:
        raise ValueError(
            f"retrain: expected --store, one folder that has what the teacher says: "
            f"{_again(retrain)}"
        )
    if len(stores) > 1:
        plan = with_stores(plan, stores, nlp)
    plan = with_transitions(plan, transitions)
    if vectors is not None:
        _check_vectors(vectors)
    scored, gold = None, None if dev is None else list(docs_in(Path(dev)))
    if dev is not None and gold is not None:
        scored, plan = _scored(plan, dev, gold), with_gold(plan, gold)
    config = student_config(
        plan.students,
        preset=size,
        lang=str(nlp.lang),
        tokenizer=own_settings(nlp)["tokenizer"],
        vectors=vectors,
        scored=scored,
        more_scores=_more_scores(plan, nlp, gold),
    )
    if outside is None:
        config = for_teacher(config, plan, nlp, source=teacher)
    else:
        config = for_store(config, plan, nlp, manifest)
    config["paths"]["dev"] = dev
    if lexicon is not None:
        plan = replace(plan, lexicon=read_lexicon(lexicon, nlp))
        config = with_lexicon(config, lexicon)
    if stores:
        if len(stores) == 1:
            config = _stored(config, stores[0], plan, None if outside else nlp)
            config["paths"]["store"] = folders[0]
        else:
            config = ask_stores(from_store(config), stores, plan)
        # Labelled docs in place of those of the stores, where they are given.
        config["corpora"]["train"]["path"] = "${paths.train}"
        words = sum(int(each.manifest.counts["words"]) for each in stores)
        set_steps(config, effort * student_words(words))
    elif effort != 1:
        raise ValueError(
            f"effort: expected --store beside {effort:g}, a share of the words that are worth "
            f"seeing of it; without one set training.max_steps in the config"
        )
    return with_similarities(config, stores) if hidden else config, plan


def _check_vectors(vectors: str) -> None:
    """Check that a pipeline has vectors. RAISES (ValueError): if not, or there is none."""
    load_vectors(vectors)


def _scored(plan: Plan, dev: str, docs: Sequence[Doc]) -> list[str]:
    """Return the layers that students can be scored on. docs: of `dev`.

    RAISES (ValueError): if there are no docs, or none that a student could be scored on.
    """
    layers = [student.layer for student in plan.students]
    scored = annotated_layers(docs, layers)
    if not scored:
        raise ValueError(
            f"{dev}: expected docs with some of the layers {', '.join(layers)}, found none"
        )
    return scored


def _more_scores(plan: Plan, nlp: Language, gold: Sequence[Doc] | None) -> dict[str, float]:
    """Return what counts of the components that are trained anew, and how much."""
    scores: dict[str, float] = {}
    for name in plan.retrained:
        scores.update(retrained_weights(nlp, name, gold))
    return scores


def _again(retrain: Sequence[str]) -> str:
    options = " ".join(f"--retrain {shlex.quote(name)}" for name in retrain)
    return f"annotate with {options}, and name the folder"


def _stored(config: Config, stored: BeliefStore, plan: Plan, nlp: Language | None) -> Config:
    """Train from what was annotated.

    nlp (Language | None): the teacher, None where it is no pipeline.
    RAISES (ValueError): if this teacher did not annotate the store, or not all that is asked.
    """
    if nlp is not None and not stored.is_of(nlp):
        stored.check_teacher(nlp)
    missing = [s.asks for s in plan.students if s.asks not in stored.forms]
    if missing:
        raise ValueError(
            f"{stored.folder} has the beliefs of {', '.join(stored.forms)}, but students ask "
            f"{', '.join(missing)}: annotate again with these, or leave them out by --pipes"
        )
    lacking = set(plan.retrained) - set(stored.manifest.settings.get("retrain", ()))
    if lacking:
        raise ValueError(
            f"retrain: {stored.folder} lacks what the teacher's {', '.join(sorted(lacking))} said: "
            f"{_again(plan.retrained)}"
        )
    config = from_store(config)
    config["corpora"]["train"]["guesses"] = bool(plan.retrained)
    return config


# The command


def table(plan: Plan) -> list[tuple[str, str, str, str]]:
    """Return, per component of the teacher: its name, a layer, the student's component, why it has
    none."""
    rows: list[tuple[str, str, str, str]] = []
    for row in plan.rows:
        rows += [(row.name, s.layer, s.name, row.loses) for s in row.students]
        if not row.students:
            kept = row.name if row.is_sourced or row.is_retrained else "-"
            became = (
                "trained anew, with its settings" if row.is_retrained else "taken over as it is"
            )
            rows.append((row.name, "", kept, row.reason or became))
    return rows


def init_cli(
    teacher: str = typer.Argument(..., help="Pipeline, or a folder that `skd beliefs` wrote"),
    output: Path = typer.Argument(..., help="Config to write, - for stdout", allow_dash=True),
    preset: str = typer.Option(DEFAULT, "--preset", help=f"Size: {', '.join(PRESETS)}"),
    store: list[str] = typer.Option(
        [],
        "--store",
        help="What `skd annotate` wrote, to train from; else TEACHER runs; repeatable",
    ),
    vectors: str = typer.Option(None, "--vectors", help="Folder or package with word vectors"),
    lexicons: list[str] = LEXICON,
    dev: str = typer.Option(None, "--dev", help="Evaluation docs; layers they lack do not count"),
    pipes: str = typer.Option("", "--pipes", help="Of TEACHER: tagger,ner. All by default"),
    keep: str = typer.Option("", "--keep", help="Of TEACHER: taken over, not taught"),
    teach: str = typer.Option("", "--teach", help="Of TEACHER: taught, though rules"),
    retrain: list[str] = typer.Option(
        [], "--retrain", help="Of TEACHER: trained anew on the student's tok2vec; repeatable"
    ),
    transitions: str = typer.Option(
        "", "--transitions", help="Of the students: spaCy's own ner or parser"
    ),
    hidden: bool = typer.Option(
        False, "--hidden", help="Learn how alike words are to TEACHER, too (annotate --hidden)"
    ),
    effort: float = typer.Option(1.0, "--effort", help=f"{EFFORT} (with --store)"),
    overwrite: bool = typer.Option(False, "--overwrite", help="Replace the config"),
    code_path: Path = CODE,
    accept_rejects: bool = ACCEPT,
) -> None:
    """Write the complete config of a student of TEACHER: a component for each layer that TEACHER
    annotates, and those of its components that need none of its vectors as they are.

    Exit code: 0 if all is done, 3 if all but unfit lines of the lexicon, 1 if something is wrong.
    """
    import_code(code_path)
    try:
        lexicon = one_lexicon(lexicons)
        if str(output) != STDOUT:
            check_new_file(output, overwrite=overwrite)
            read = [p for p in (teacher, *store, vectors, lexicon) if p]
            check_apart(output, [*read, *([dev] if dev and Path(dev).is_file() else [])])
        config, plan = init(
            teacher,
            preset=preset,
            store=store,
            vectors=vectors,
            lexicon=lexicon,
            dev=dev,
            pipes=names_in(pipes),
            keep=names_in(keep),
            teach=names_in(teach),
            retrain=retrain,
            transitions=names_in(transitions),
            hidden=hidden,
            effort=effort,
        )
        if str(output) == STDOUT:
            typer.echo(config.to_bytes())  # which is UTF-8, whatever the terminal is
            tell_lexicon(plan, accept=accept_rejects, to_stderr=True)
            return
        write_new(output, config.to_bytes(), overwrite=overwrite)
    except (ValueError, OSError) as error:
        fail("Nothing was written", error)
    msg.table(table(plan), header=("teacher", "layer", "student", "note"), divider=True)
    print_remedies(teacher, config, plan, code=with_code(code_path))
    msg.good(f"Wrote {output}")
    data = "" if config["paths"]["store"] else " --paths.train train.spacy --paths.raw raw.jsonl"
    data += "" if dev else " --paths.dev dev.spacy"
    data += with_code(code_path)
    msg.info("Next:")
    print(f"python -m spacy train {shlex.quote(str(output))} --output FOLDER{data}")
    tell_lexicon(plan, accept=accept_rejects)


def names_in(listed: str) -> list[str]:
    """Return the names of an option, which commas part."""
    return [name.strip() for name in listed.split(",") if name.strip()]
