"""What workers predict is what this process predicts."""

import pickle
from functools import partial

import pytest
import spacy
from conftest import make_docs
from sent import engine_of_a_worker, sent
from spacy.tokens import Doc
from spacy.vocab import Vocab

from spacy_skd.cli.report import report
from spacy_skd.report import inspection, predicting
from spacy_skd.report.predicting import Predicting, PredictingPlan, predict
from spacy_skd.report.scores import SETTINGS, score
from spacy_skd.teachers.embedding import cleaners
from spacy_skd.training.engines.choice import Workers
from spacy_skd.training.engines.docs import Docs
from spacy_skd.training.engines.here import Here
from spacy_skd.training.engines.worker import Start, Worker


def test_jobs_and_docs_that_are_sent_score_the_same(teacher, monkeypatch):
    """In jobs of a doc or two, all through one worker."""
    monkeypatch.setattr(predicting, "JOB_WORDS", 8)
    nlp = spacy.load(teacher)
    references = make_docs(nlp)
    loaded = {"a": nlp, "b": nlp}
    plan = PredictingPlan.of({"a": teacher, "b": teacher}, loaded)
    here = Predicting(loaded.__getitem__)
    for engine in (engine_of_a_worker(Workers(), plan, here), Here(here)):
        for name in ("a", "b"):
            for setting in SETTINGS:
                by_workers = partial(predict, engine, pipeline=name)
                found = score(nlp, references, setting=setting, predict=by_workers)
                assert found == score(nlp, references, setting=setting)
        engine.close()


def test_a_pipeline_that_cleans_its_docs(teacher):
    """As spaCy advises where a transformer has run: what is left in a doc is None then."""
    nlp = spacy.load(teacher)
    plain = score(nlp, make_docs(nlp), setting=SETTINGS[0])
    nlp.add_pipe("doc_cleaner", config={"attrs": {"tensor": None}})
    here = Here(Predicting({"a": nlp}.__getitem__))
    by_workers = partial(predict, here, pipeline="a")
    assert score(nlp, make_docs(nlp), setting=SETTINGS[0], predict=by_workers) == plain
    assert cleaners(nlp) == ["doc_cleaner"]
    inspection.inspect({"a": nlp, "b": spacy.load(teacher)}, "The cat sees Ann.", k=2)


def test_another_pipeline_of_a_worker_is_named(teacher):
    worker = Worker(Start(PredictingPlan({"a": (str(teacher), "0" * 32)})))
    job = predicting.PredictingJob("a, 1", "docs 1 to 1", "a", [predicting.Given("Go")])
    with pytest.raises(ValueError, match="the pipeline that the worker loads is another"):
        worker.do(job)


def test_docs_that_cannot_be_sent_say_so():
    doc = Doc(Vocab(), ["Go"])
    assert [d.text for d in sent(Docs([doc])).of(Vocab())] == ["Go "]
    doc.user_data["mine"] = object()
    assert Docs([doc]).of(doc.vocab) == [doc]
    with pytest.raises(ValueError, match=r"cannot be sent .*--workers 1"):
        pickle.dumps(Docs([doc]))


@pytest.mark.long  # processes do other jobs in training/annotation
def test_a_report_by_processes(teacher, corpus):
    reports = [
        report(corpus, {"a": teacher}, workers=Workers(count=n), speed_words=100) for n in (1, 2)
    ]
    one, two = ({s: found["a"][s] for s in SETTINGS} for found in reports)
    assert one == two
