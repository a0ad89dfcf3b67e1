"""Fields as regressors of scikit-learn: needs the extra `sklearn`.

`FieldRegressor` fits a field to scattered samples, and takes its parts by their names, so that pipelines and searches
over parameters work with it as with any other estimator.
"""

import copy
import warnings
from typing import Any

import numpy as np

from inr._errors import MissingExtra

try:
    from sklearn.base import BaseEstimator, RegressorMixin
    from sklearn.cross_decomposition import PLSRegression
    from sklearn.utils import Tags, check_random_state
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError:
    raise MissingExtra("scikit-learn", "sklearn", "inr.sklearn") from None

__all__ = ["FieldRegressor"]

_COORDINATES = 4  # the most that a field has


class FieldRegressor(RegressorMixin, BaseEstimator):
    """A field fitted to samples at scattered points, as an estimator of scikit-learn.

    A field has one to four coordinates. Of more features than that, four directions are taken: the first components of
    partial least squares (`sklearn.cross_decomposition.PLSRegression`), which are those that tell most of `y`.

    Args:
        encoding, activation, network, teacher, objective: parts, as "name:key=value" or configurations; None: what
            suits the samples. They, and all that follows, are as of `inr.fit`.
        steps: how many steps a fit takes; None: as many as suit the samples.
        batch: samples a step.
        learning_rate: "auto", "paper", the network's, or a mapping from part to its rate.
        optimiser: "adam" or "soap".
        engine: what runs the fit.
        random_state: decides initial weights and batches. Equal integers give equal regressors on one machine with one
            number of threads.

    Attributes:
        field_: the fitted `inr.Field`, in units of `X` and `y`: of its directions, where there are more than four
            features. `field_.at(X, nu=(1, 0))` differentiates it, and `field_.save(path)` keeps it.
        projection_: what gives the directions; None where features are taken as they are.
        n_features_in_: how many features there are.
        feature_names_in_: their names, where `X` has some.

    >>> from inr.sklearn import FieldRegressor
    >>> X = np.random.default_rng(0).uniform(0, 5, (200, 2))
    >>> y = np.sin(X[:, 0]) * X[:, 1]
    >>> model = FieldRegressor(network="mlp:depth=2,width=32", steps=200, random_state=0).fit(X, y)
    >>> model.predict([[1.0, 2.0]]).shape, model.score(X, y) > 0.9
    ((1,), True)
    """

    def __init__(
        self,
        *,
        encoding: Any = None,
        activation: Any = None,
        network: Any = None,
        teacher: Any = None,
        objective: Any = None,
        steps: Any = None,
        batch: Any = None,
        learning_rate: Any = "auto",
        optimiser: Any = None,
        engine: Any = "auto",
        random_state: Any = None,
    ) -> None:  # which takes anything: `fit` looks at it, as in all of scikit-learn
        self.encoding = encoding
        self.activation = activation
        self.network = network
        self.teacher = teacher
        self.objective = objective
        self.steps = steps
        self.batch = batch
        self.learning_rate = learning_rate
        self.optimiser = optimiser
        self.engine = engine
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> "FieldRegressor":  # noqa: N803  scikit-learn's own names
        """Fit a field.

        Args:
            X: (n, d) real numbers, n from 2 on.
            y: (n,) or (n, k) real numbers.

        Returns:
            The regressor itself.

        Raises:
            ValueError: what is no such array, or parts that `inr.fit` refuses.
        """
        from inr.compression import fit
        from inr.signals import from_samples

        X, y = validate_data(self, X, y, dtype=np.float64, multi_output=True, y_numeric=True, ensure_min_samples=2)  # noqa: N806
        y = y.astype(np.float64, copy=False)
        self._one_output = y.ndim == 1
        self.projection_ = _directions(X, y) if X.shape[1] > _COORDINATES else None
        places = self._places(X)
        low, high = places.min(axis=0), places.max(axis=0)
        spare = np.where(low < high, 0, 0.5)  # of features that are the same everywhere
        ends = [*zip((low - spare).tolist(), (high + spare).tolist(), strict=True)]
        parts = {name: value for name, value in self.get_params().items() if name != "random_state"}
        seed = check_random_state(self.random_state).randint(2**31)
        # a curve in a notebook, which is what None stands for, would be one for every fit of a search
        self.field_ = fit(from_samples(places, y, box=ends), **parts, seed=seed, on_event=lambda event: None)
        return self

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803
        """The field's values, also beyond the samples that it was fitted to.

        They are evaluated in float64, so that a row's does not depend on what other rows there are.

        Args:
            X: (n, d) real numbers.

        Returns:
            float64 (n,), or (n, k) as `y` had it.
        """
        check_is_fitted(self)
        places = self._places(validate_data(self, X, dtype=np.float64, reset=False))
        values: np.ndarray = copy.deepcopy(self.field_).double().at(places, outside="extrapolate")
        return values[:, 0] if self._one_output else values

    def _places(self, features: np.ndarray) -> np.ndarray:
        """Positions in the field's own units, (n, 1 to 4)."""
        return features if self.projection_ is None else self.projection_.transform(features)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def _directions(features: np.ndarray, targets: np.ndarray) -> PLSRegression:
    """The directions that tell most of the targets."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that fewer components tell all of y, or none any of it
        return PLSRegression(min(_COORDINATES, len(features)), copy=True).fit(features, targets)
