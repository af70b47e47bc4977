"""The contract of a model: it learns, answers with probabilities, is saved and loaded, and repeats itself."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ckseq.config import Config
from ckseq.contracts.check import require
from ckseq.learn.backend import load_keras
from ckseq.learn.fit import Labeled
from ckseq.learn.predict import ESTIMATOR, NETWORK, is_network, load_trained_model, probabilities
from ckseq.learn.trainer import Trainer, build_trainer
from ckseq.learn.training_config import TrainingConfig
from ckseq.models._spec import ModelSpec
from ckseq.signal.augment import AugmentConfig

SEQUENCE_SHAPE = (9, 2, 12, 1)
IMAGE_SHAPE = (32, 32, 1)
LABELS = ("anger", "fear", "surprise")
TRAINING = TrainingConfig(epochs=12, batch_size=12, learning_rate=0.003, validation="none")
_PER_CLASS, _LEAST_ACCURACY = 12, 0.6
# columns of landmarks and gradients beside projections
_LANDMARKS, _GRADIENTS = 147, 256


class ModelContract:
    """The checks of a model, in `checks`; it is trained once, on sequences whose classes are easy to tell apart.

    Parameters
    ----------
    spec : ModelSpec
    config : Config, optional
        Instead of the defaults.
    about : str
        The docstring of its module.
    """

    def __init__(self, spec: ModelSpec, config: Config | None = None, about: str | None = "a model") -> None:
        self.spec, self._config, self._about = spec, config, about

    @property
    def checks(self) -> tuple[Callable[[], None], ...]:
        """All checks, in the order in which they should be run."""
        return (
            self.describes_itself,
            self.default_config,
            self.is_of_its_kind,
            self.footprint,
            self.gives_probabilities,
            self.without_motion,
            self.learns,
            self.saved_and_loaded,
            self.trusted_types,
            self.repeats_itself,
        )

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of the sequences or images with which it is checked."""
        if self.spec.reads == "images":
            return IMAGE_SHAPE
        steps, rows, columns, _ = SEQUENCE_SHAPE
        match self.spec.inputs:
            case ("crops",):
                return (steps, *IMAGE_SHAPE)
            case ("fused",):
                return (steps, rows, columns + _LANDMARKS + _GRADIENTS, 1)
            case ("landmarks",):
                return (steps, rows, _LANDMARKS, 1)
        return SEQUENCE_SHAPE

    @cached_property
    def data(self) -> Labeled:
        """Three classes, each with its light at another place, twelve sequences or images of each."""
        generator = np.random.default_rng(3)
        codes = np.repeat(np.arange(len(LABELS)), _PER_CLASS)
        *_, width, _ = shape = self.input_shape
        x = generator.random((len(codes), *shape), dtype=np.float32) * 0.2
        part = width // len(LABELS)
        for code in range(len(LABELS)):
            x[codes == code, ..., part * code : part * code + part, :] += 0.5
        images = self.spec.reads == "images" or self.spec.inputs == ("crops",)
        return Labeled(
            (255 * x).astype(np.uint8) if images else x, codes, tuple(f"S{i % 6}" for i in range(len(codes)))
        )

    def trainer(self, *, input_shape: tuple[int, ...] | None = None, labels: tuple[str, ...] = LABELS) -> Trainer:
        """Build the model with a fixed seed."""
        return build_trainer(
            self.spec,
            self._config or self.spec.config(),
            TRAINING,
            augmentation=AugmentConfig(),
            seed=1,
            input_shape=input_shape or self.input_shape,
            n_classes=len(labels),
            labels=labels,
        )

    @cached_property
    def trained(self) -> Any:
        """The model, trained on `data`."""
        return self.trainer().fit(train=self.data, validation=None)

    @cached_property
    def _answers(self) -> NDArray[np.float32]:
        return np.asarray(self.trained.probabilities(self.data.x))

    def describes_itself(self) -> None:
        """The module has a docstring, and every field of the config a description."""
        require(bool(self._about and self._about.strip()), "the module has no docstring")
        bare = [name for name, field in self.spec.config.model_fields.items() if not field.description]
        require(not bare, f"no description: {', '.join(bare)}")

    def default_config(self) -> None:
        """The config is valid without arguments."""
        if self._config is None:
            self.spec.config()

    def is_of_its_kind(self) -> None:
        """A network is one of Keras, an estimator is not."""
        config = self._config or self.spec.config()
        if self.spec.kind == "network":
            load_keras()  # before the code of others does, so that it stays quiet
        built = self.spec.build(config, input_shape=self.input_shape, n_classes=len(LABELS))
        found = "network" if is_network(built) else "estimator"
        require(found == self.spec.kind, f"kind is {self.spec.kind}, and build returns a model of kind {found}")

    def footprint(self) -> None:
        """The footprint, where there is a formula, has the number of parameters of the network."""
        if self.spec.footprint is None:
            return
        config = self._config or self.spec.config()
        told = self.spec.footprint(config, input_shape=self.input_shape, n_classes=len(LABELS)).n_parameters
        built = self.trainer().n_parameters
        require(told == built, f"footprint tells {told} parameters, the network has {built}")

    def gives_probabilities(self) -> None:
        """Probabilities are (n, classes) float32, not negative, and of one sequence sum to 1."""
        rows = self._answers
        expected = (len(self.data.codes), len(LABELS))
        require(rows.shape == expected, f"shape {rows.shape} instead of {expected}")
        require(rows.dtype == np.float32, f"type {rows.dtype}")
        require(bool((rows >= 0).all()), "some are negative")
        sums = rows.sum(axis=1)
        require(bool(np.abs(sums - 1).max() < 1e-5), f"sums from {sums.min():.4f} to {sums.max():.4f}")

    def without_motion(self) -> None:
        """Sequences without motion get finite probabilities, too."""
        require(bool(np.isfinite(self.trained.probabilities(0 * self.data.x[:2])).all()), "some are not finite")

    def learns(self) -> None:
        """It learns three classes that anybody can tell apart, unless it is ready-made."""
        if self.spec.ready_made is None:
            accuracy = float((self._answers.argmax(axis=1) == self.data.codes).mean())
            require(accuracy > _LEAST_ACCURACY, f"accuracy {accuracy:.2f} on its training data, chance is 0.33")

    def saved_and_loaded(self) -> None:
        """A saved model loads, without executing code, and answers the same."""
        with tempfile.TemporaryDirectory() as folder:
            self.trained.save(Path(folder))
            found = sorted(path.name for path in Path(folder).iterdir())
            wanted = NETWORK if self.spec.kind == "network" else ESTIMATOR
            require(found == [wanted], f"it is saved as {', '.join(found)} instead of {wanted}")
            again = probabilities(load_trained_model(Path(folder)), self.data.x)
        apart = float(np.abs(again - self._answers).max())
        require(apart < 1e-6, f"probabilities differ by {apart:.2g}")

    def trusted_types(self) -> None:
        """A saved estimator contains the types of `trusted_types`, and no others that skops does not trust."""
        if self.spec.kind != "estimator":
            return
        import skops.io

        with tempfile.TemporaryDirectory() as folder:
            self.trained.save(Path(folder))
            found = sorted(skops.io.get_untrusted_types(file=Path(folder) / ESTIMATOR))
        told = sorted(self.spec.trusted_types)
        require(found == told, f"the file contains {found}, trusted_types tells {told}")

    def repeats_itself(self) -> None:
        """The same seed trains the same model."""
        again = self.trainer().fit(train=self.data, validation=None).probabilities(self.data.x)
        require(
            np.array_equal(again, self._answers), f"probabilities differ by {np.abs(again - self._answers).max():.2g}"
        )
