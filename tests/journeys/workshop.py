"""The folder that the journeys start from: what a new user has, and what the README makes of it.

treebank/, raw.jsonl, heldout.jsonl     somebody's own text (grammar.py)
train.spacy, dev.spacy, test.spacy      what `skd convert` makes of it, with spans
house.py                                a component that is a function
theirs/transformer, theirs/curated      somebody's trained pipelines (somebody.py)
path/or/package, path/to/teacher        the same two without the function
path/to/classifier                      a token classifier of transformers
annotated/, vectors/, student.cfg,      what the five commands of the README write, which are
out/, packages/                         read out of it
"""

import shutil
from functools import cache
from pathlib import Path

import spacy
import srsly
from classifiers import classifier
from journeys import somebody
from journeys.commands import OVERRIDES, run, run_process, users_code_forgotten
from journeys.grammar import write_treebank
from journeys.markdown import Snippet, command_lines, snippets
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.util import import_file

ROOT = Path(__file__).parents[2]
DOCS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FIVE_COMMANDS = "README.md: Your own pipeline"
CONVERT = (
    "python -m spacy skd convert treebank/train.conllu treebank/dev.conllu treebank/test.conllu "
    "corpus --raw raw.jsonl"
)
# Enough for the student to learn what it is taught; the docs' other trainings are of a few steps.
STEPS = 60
LONG = {
    OVERRIDES: f"--training.max_steps {STEPS} --training.eval_frequency {STEPS // 2} "
    f"--training.optimizer.learn_rate.total_steps {STEPS} "
    "--training.optimizer.learn_rate.warmup_steps 6 --training.batcher.size 500"
}
SHORT = {OVERRIDES: "--training.max_steps 4 --training.eval_frequency 2"}
# The first and the last of the five commands; that spaCy and torch are imported takes seconds.
IN_PROCESSES = (" annotate ", " package ")
PLACES = {"transformer": "path/or/package", "curated": "path/to/teacher"}


def build(folder: Path) -> None:
    """Make all of it. folder (Path): an empty one, outside the repository."""
    write_treebank(folder)
    run(CONVERT, folder)
    with_spans(folder)
    lines = (folder / "raw.jsonl").read_text(encoding="utf8").splitlines()
    (folder / "heldout.jsonl").write_text("\n".join(lines[-8:]) + "\n", encoding="utf8")
    shutil.copy(Path(__file__).with_name("house.py"), folder)
    with users_code_forgotten():
        import_file("python_code", folder / "house.py")
        for kind, place in PLACES.items():
            nlp = somebody.somebodys(kind, folder / "backbones" / kind, folder / "train.spacy")
            save(nlp, folder / "theirs" / kind)
            nlp.remove_pipe("count_shouts")
            save(nlp, folder / place)
    classifier(folder / "path" / "to" / "classifier")
    save(somebody.textcat(folder / "train.spacy"), folder / "textcat" / "model-best")
    for line in first_commands():
        start = run_process if any(name in line for name in IN_PROCESSES) else run
        start(line, folder, env=LONG)


def save(nlp: Language, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    nlp.to_disk(folder)


def with_spans(folder: Path) -> None:
    """train.spacy, dev.spacy and test.spacy: the converted ones, whose entities are spans too; and
    the entities alone, as JSONL."""
    vocab = spacy.blank("en").vocab
    for split in ("train", "dev", "test"):
        docs = list(DocBin().from_disk(folder / "corpus" / f"{split}.spacy").get_docs(vocab))
        for doc in docs:
            doc.spans["sc"] = list(doc.ents)
        DocBin(docs=docs).to_disk(folder / f"{split}.spacy")
        offsets = [{"text": doc.text, "entities": entities(doc)} for doc in docs]
        srsly.write_jsonl(folder / f"{split}.jsonl", offsets)


def entities(doc: Doc) -> list[tuple[int, int, str]]:
    return [(ent.start_char, ent.end_char, ent.label_) for ent in doc.ents]


@cache
def documented() -> list[Snippet]:
    return [snippet for path in DOCS for snippet in snippets(path)]


@cache
def first_block() -> Snippet:
    """The README's commands from a teacher of one's own to a wheel, step by step."""
    blocks = (s for s in documented() if s.section == FIVE_COMMANDS and s.kind == "bash")
    return next(block for block in blocks if "skd annotate" in block.text)


def first_commands() -> list[str]:
    return [line for lines in command_lines(first_block().text) for line in lines]
