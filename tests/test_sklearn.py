"""Fields as regressors: what scikit-learn checks of any estimator, and what a field has besides."""

import pickle

import numpy as np
import pytest

import inr

pytest.importorskip("sklearn", reason="the extra sklearn is not installed")

from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

from inr.sklearn import FieldRegressor

SMALL = FieldRegressor(
    network="mlp:depth=1,width=16", activation="tanh", encoding="identity", steps=60, learning_rate=0.02, batch=64,
    engine="eager", random_state=0,
)  # fmt: skip
# of the checks of scikit-learn, those that are always run
QUICK = {
    "check_estimators_nan_inf",
    "check_estimators_pickle",
    "check_fit2d_1sample",
    "check_methods_subset_invariance",
    "check_no_attributes_set_in_init",
    "check_regressors_train",
    "check_regressor_data_not_an_array",
    "check_regressor_multioutput",
}


def named(check):
    return getattr(check, "func", check).__name__


CHECKS = [
    pytest.param(each, check, id=named(check), marks=[] if named(check) in QUICK else pytest.mark.long)
    for each, check in estimator_checks_generator(SMALL)
]


@pytest.mark.parametrize(("estimator", "check"), CHECKS)
def test_what_scikit_learn_checks(estimator, check):
    check(estimator)


def test_the_quick_checks_are_among_them():
    assert {each.id for each in CHECKS} >= QUICK
    assert len(CHECKS) > 40


@pytest.fixture(scope="module")
def samples():
    places = np.random.default_rng(0).uniform([0, -3], [5, 3], (300, 2))
    return places, np.sin(places[:, 0]) + 0.3 * places[:, 1]


def test_the_field_is_the_function_that_predicts(samples):
    places, values = samples
    model = clone(SMALL).set_params(steps=300, activation="sine:omega=5").fit(places, values)
    assert model.score(places, values) > 0.98
    assert isinstance(model.field_, inr.Field)
    np.testing.assert_allclose(model.field_.at(places[:9])[:, 0], model.predict(places[:9]), atol=1e-4)
    slope = model.field_.at(np.array([[2.5, 0.0]]), nu=(0, 1))
    assert slope.item() == pytest.approx(0.3, abs=0.1)


def test_equal_seeds_give_equal_predictions_and_pickles_keep_them(samples):
    first, second, third = (clone(SMALL).set_params(random_state=seed).fit(*samples) for seed in (3, 3, 4))
    places = samples[0][:20]
    assert np.array_equal(first.predict(places), second.predict(places))
    assert not np.array_equal(first.predict(places), third.predict(places))
    assert np.array_equal(pickle.loads(pickle.dumps(first)).predict(places), first.predict(places))


def test_parts_are_searched_by_their_names_in_a_pipeline(samples):
    networks = {"mlp:depth=1,width=4": 4, "mlp:depth=1,width=16": 16}
    search = GridSearchCV(make_pipeline(StandardScaler(), clone(SMALL)), {"fieldregressor__network": [*networks]}, cv=2)
    search.fit(*samples)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    best = networks[search.best_params_["fieldregressor__network"]]
    assert search.best_estimator_[-1].field_.config()["network"]["width"] == best


def test_many_features_are_seen_along_the_directions_that_tell_of_the_target():
    features = np.random.default_rng(1).normal(size=(200, 7))
    target = np.tanh(features @ np.array([1.0, -2, 0, 0, 0.5, 0, 0]))
    model = clone(SMALL).set_params(steps=200).fit(features, target)
    assert model.field_.domain.in_dim == 4
    assert model.score(features, target) > 0.75
    assert clone(SMALL).fit(features[:, :4], target).projection_ is None


def test_what_cannot_be_fitted_is_refused_in_one_line(samples):
    with pytest.raises(ValueError, match="unknown encoding 'nonsense'") as refused:
        clone(SMALL).set_params(encoding="nonsense").fit(*samples)
    assert "\n" not in str(refused.value)
