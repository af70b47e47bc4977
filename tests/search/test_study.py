"""What is stored with a study: joined if it is the same search, refused in one line otherwise."""

import pytest

pytest.importorskip("optuna")

from ckseq.errors import CallError, DataError
from ckseq.search import study as module
from ckseq.search.selection import selection_of
from ckseq.search.study import FinalistsFacts, SearchFacts, join_study, open_study, search_facts
from ckseq.search.study_storage import open_storage

SPACE = [{"name": "motion.threshold", "path": "motion.threshold", "kind": "int", "low": 4, "high": 40, "log": False}]
FACTS = SearchFacts(
    space=SPACE,
    search="small",
    pipeline={"motion": {"threshold": 4}},
    experiment={"seed": 1},
    objectives=("error",),
    data="0f",
    folds="1f",
    test_subjects=("P1",),
)


@pytest.fixture
def storage(tmp_path):
    return open_storage(f"sqlite:///{tmp_path}/study.db")


def join(storage, facts=FACTS, name="s"):
    return join_study(storage, name, directions=["minimize"], facts=facts, first=None)


def test_the_same_search_joins_and_another_one_is_refused(storage):
    assert join(storage).study_name == join(storage).study_name == "s"
    assert search_facts(join(storage)) == FACTS
    with pytest.raises(DataError, match="the existing study 's' is about another search: data differs; name another"):
        join(storage, FACTS.model_copy(update={"data": "10"}))
    other = FACTS.model_copy(update={"pipeline": {"motion": {"threshold": 5}}})
    with pytest.raises(DataError, match=r"another search: pipeline.motion.threshold is 4 there and 5 here; name"):
        join(storage, other)


def test_a_study_from_before_is_read(storage):
    """The user attributes of version 0.1, as they were written."""
    study = join(storage)
    for number in range(8):
        study.tell(study.ask(), 0.2 if number == 7 else 0.4)
    study.set_user_attr("about", {**FACTS.model_dump(mode="json"), "test_subjects": ["P1"], "objectives": ["error"]})
    study.set_user_attr(
        "finalists",
        {
            "study": "s_finalists_0f",
            "ended": 8,
            "standing": 0,
            "tested_to_trained": 0.5,
            "searched": {"0": 0.4, "7": 0.2},
            "by_fold": {"0": [0.4, 0.4, 0.4], "7": [0.1, 0.1, 0.1]},
        },
    )
    assert search_facts(join(storage)) == FACTS
    selection = selection_of(study)
    assert (selection.chosen, selection.as_it_stands) == (7, 0)
    assert selection.finalists[0].gain == pytest.approx(0.3)


@pytest.mark.parametrize(("name", "read"), [("about", search_facts), ("finalists", selection_of)])
def test_facts_of_another_structure_are_refused_in_one_line(storage, name, read):
    study = join(storage)
    study.set_user_attr(name, {"objectives": ["error"], "folds": 3})
    with pytest.raises(
        DataError, match=rf"the attribute '{name}' of the study 's' cannot be read \(.+\); it was"
    ) as caught:
        read(study)
    assert "\n" not in str(caught.value)


def test_a_study_that_is_not_ours_is_refused_in_one_line(storage, tmp_path):
    import optuna

    optuna.create_study(storage=storage, study_name="mine")
    with pytest.raises(DataError, match="the study 'mine' was not created by 'ckseq tune'"):
        search_facts(open_study("mine", None, tmp_path))


@pytest.mark.parametrize("name", ["../../evil", "a/b", "", ".hidden", "a\nb", "x" * 300, "a\x1b[31m", "..", "C:evil"])
def test_a_name_that_would_be_another_file_is_refused(storage, tmp_path, name):
    for call in (lambda: join(storage, name=name), lambda: open_study(name, None, tmp_path)):
        with pytest.raises(CallError, match="cannot be the name of a study; use letters"):
            call()


def test_a_study_of_another_program_is_refused_before_anything_is_written(storage, monkeypatch):
    import optuna

    monkeypatch.setattr(module, "_CREATED_S", 0.2)

    with_trials = optuna.create_study(storage=storage, study_name="a", direction="minimize")
    with_trials.tell(with_trials.ask(), 1.0)
    with_notes = optuna.create_study(storage=storage, study_name="b", direction="minimize")
    with_notes.set_user_attr("mine", 1)
    optuna.create_study(storage=storage, study_name="c", direction="maximize")
    for name in "abc":
        before = study_as_text(storage, name)
        with pytest.raises(DataError, match=f"the study '{name}' was not created by 'ckseq tune'; name another"):
            join_study(storage, name, directions=["minimize"], facts=FACTS, first={"x": 1})
        assert study_as_text(storage, name) == before


def study_as_text(storage, name):
    import optuna

    study = optuna.load_study(study_name=name, storage=storage)
    return repr((study.user_attrs, study.get_trials()))


@pytest.mark.parametrize(
    ("value", "scores"),
    [(0.3, [{"error": 0.4}]), (0.3, [{"accuracy": 0.3}]), (0.3, "none"), (float("inf"), [])],
    ids=["another mean", "another score", "no scores", "endless"],
)
def test_a_value_that_its_folds_do_not_give_is_damage(storage, tmp_path, value, scores):
    study = join(storage)
    trial = study.ask()
    trial.set_user_attr("scores", scores)
    study.tell(trial, value)
    for call in (lambda: join(storage), lambda: open_study("s", None, tmp_path)):
        with pytest.raises(DataError, match="the study 's' is damaged: the scores of trial 0 do not fit its value"):
            call()


def test_a_study_that_lost_trials_after_its_finalists_selects_nothing(storage):
    study = join(storage)
    for _ in range(3):
        study.tell(study.ask(), 0.4)
    scores = {
        "study": "s_finalists", "ended": 3, "standing": 0, "tested_to_trained": 0.5,
        "searched": {"0": 0.4, "2": 0.4}, "by_fold": {"0": [0.4, 0.4], "2": [0.1, 0.1]},
    }  # fmt: skip
    study.set_user_attr("finalists", scores)
    assert selection_of(study).chosen == 2
    for change in ({"ended": 4}, {"searched": {"0": 0.4, "2": 0.3}}, {"searched": {"0": 0.4, "3": 0.4}}):
        study.set_user_attr("finalists", scores | change)
        with pytest.raises(DataError, match="the study 's' is damaged: it has other trials than when"):
            selection_of(study)


def test_a_study_of_finalists_is_not_the_study_of_a_search(storage, tmp_path):
    join(storage)
    facts = FinalistsFacts(confirms="s", objectives=("error",), finalists=(0, 7), folds="0f")
    join(storage, facts, "s_finalists")
    with pytest.raises(DataError, match="the study 's_finalists' holds the finalists of another; name that: s"):
        open_study("s_finalists", None, tmp_path)
    with pytest.raises(DataError, match=r"there is no study 't'; existing studies: s$"):
        open_study("t", None, tmp_path)
