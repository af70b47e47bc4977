"""The transformer: scikit-learn's own checks, the same vectors as ckseq's estimators, pipelines and folds."""

import numpy as np
import pytest
from sklearn.linear_model import RidgeClassifierCV
from sklearn.model_selection import GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from ckseq.api.projections import Projections
from ckseq.models import ridge
from ckseq.models._features import Series


# none of scikit-learn's checks is left out; its check of array API input runs where SCIPY_ARRAY_API is set
@parametrize_with_checks([Projections(), Projections(output="series"), Projections(parts=2, pool=1, root=False)])
def test_scikit_learn_accepts_it(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def sequences():
    generator = np.random.default_rng(0)
    y = np.tile(["anger", "joy"], 12)
    x = generator.random((24, 9, 2, 12, 3), dtype=np.float32) / 4
    x[y == "joy", :, :, :4] += 0.3
    return x, y, np.repeat([f"S{person}" for person in range(6)], 4)


def test_vectors_and_series_are_those_of_the_own_estimators(sequences):
    x, *_ = sequences
    own = ridge.SPEC.build(ridge.SPEC.config(), input_shape=x.shape[1:], n_classes=2)[0]
    np.testing.assert_array_equal(Projections().fit_transform(x), own.transform(x))
    series = Series(x.shape[1:], pool=3, root=True).transform(x)
    found = Projections(output="series").fit_transform(x)
    assert found.shape == (24, 2 * 4 * 3, 9)
    np.testing.assert_array_equal(found, series)


def test_a_value_can_be_checked_by_hand():
    x = np.array([[[[4.0, 16, 9], [0, 0, -4]]]])  # one sequence, one step, two rows of three
    np.testing.assert_array_equal(Projections(pool=2).fit_transform(x), [[3, 0]])
    np.testing.assert_array_equal(Projections(pool=3, root=False).fit_transform(x)[0], np.float32([29 / 3, -4 / 3]))


def test_it_is_a_stage_of_a_pipeline_whose_folds_keep_people_apart(sequences):
    x, y, groups = sequences
    model = make_pipeline(Projections(), StandardScaler(), RidgeClassifierCV())
    assert cross_val_score(model, x, y, groups=groups, cv=GroupKFold(3)).mean() > 0.9
    # what estimators report of their columns
    assert model.fit(x, y)[:-1].get_feature_names_out()[0] == "projections0"


@pytest.mark.parametrize("wrong", [{"output": "vector"}, {"parts": 0}, {"pool": -1}])
def test_an_impossible_parameter_is_refused(wrong, sequences):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} = "):
        Projections(**wrong).fit(sequences[0])


def test_another_shape_than_fitted_is_refused(sequences):
    fitted = Projections().fit(sequences[0])
    with pytest.raises(ValueError, match=r"shape \(9, 2, 11, 3\), and \(9, 2, 12, 3\) was fitted"):
        fitted.transform(sequences[0][:, :, :, 1:])
    with pytest.raises(ValueError, match="6 dimensions"):
        Projections().fit(sequences[0][None])


def test_one_sequence_is_not_taken_for_samples(sequences):
    x = sequences[0]
    for one in (x[0], x[0, ..., 0]):  # with channels, and as of the pipeline paper
        with pytest.raises(ValueError, match=r"one sequence.*X\[None\]"):
            Projections().fit_transform(one)
        assert Projections().fit_transform(one[None]).shape[0] == 1
    with pytest.raises(ValueError, match=r"one sequence; give X\[None\]"):
        Projections().fit(x).transform(x[0])
    # sequences of two steps, said in full
    assert Projections().fit_transform(x[:, :2]).shape[0] == len(x)


def test_another_number_of_steps_is_told_as_such():
    X = np.zeros((3, 8, 2, 12), np.float32)
    fitted = Projections(pool=4).fit(X)
    with pytest.raises(ValueError, match="X has 4 steps of time, and 8 were fitted"):
        fitted.transform(X[:, :4])
