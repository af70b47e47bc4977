"""What is stored with a study: joined if it is the same search, refused in one line otherwise."""

import pytest

pytest.importorskip("optuna")

from ckseq.errors import DataError
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
    study.set_user_attr("about", {**FACTS.model_dump(mode="json"), "test_subjects": ["P1"], "objectives": ["error"]})
    study.set_user_attr(
        "finalists",
        {
            "study": "s_finalists_0f",
            "ended": 0,
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


def test_a_study_of_finalists_is_not_the_study_of_a_search(storage, tmp_path):
    join(storage)
    facts = FinalistsFacts(confirms="s", objectives=("error",), finalists=(0, 7), folds="0f")
    join(storage, facts, "s_finalists")
    with pytest.raises(DataError, match="the study 's_finalists' holds the finalists of another; name that: s"):
        open_study("s_finalists", None, tmp_path)
    with pytest.raises(DataError, match=r"there is no study 't'; existing studies: s$"):
        open_study("t", None, tmp_path)
