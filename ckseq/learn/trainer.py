"""One way to train, for networks of Keras and for estimators of scikit-learn."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ckseq.config import Config
from ckseq.errors import CallError, DataError
from ckseq.learn import backend
from ckseq.learn.augmentation import Augmentation
from ckseq.learn.fit import Labeled, Sequences, TrainingState, best_epoch, fit, label_counts
from ckseq.learn.multi_label import is_multi_label, one_per_label, with_sigmoid
from ckseq.learn.predict import is_network, probabilities, save_estimator, save_network
from ckseq.learn.training_config import TrainingConfig
from ckseq.models._spec import ModelSpec
from ckseq.protocol.holdout import Case, ProtocolConfig, holdout
from ckseq.storage.history import Epoch
from ckseq.storage.run_record import LayerRecord


@dataclass(frozen=True)
class TrainedModel:
    """A trained model.

    Parameters
    ----------
    model : keras.Model or sklearn.pipeline.Pipeline
        A network of plain Keras layers, or an estimator.
    epochs : tuple of Epoch
        Empty for an estimator.
    chosen_epoch : int or None
        The epoch whose weights the network has, where the validation loss selected it.
    seconds : float
        Duration of the training.
    """

    model: Any
    epochs: tuple[Epoch, ...]
    chosen_epoch: int | None
    seconds: float

    def probabilities(self, x: Sequences) -> NDArray[np.float32]:
        """Return (n, n_classes) float32 for sequences (n, t, h, w[, channels]); see `predict.probabilities`."""
        return probabilities(self.model, x)

    @property
    def layers(self) -> tuple[LayerRecord, ...]:
        """The layers of a network, in order; none for an estimator."""
        return tuple(map(_layer_record, self.model.layers)) if is_network(self.model) else ()

    def save(self, folder: Path) -> None:
        """Write ``model.keras`` or ``model.skops``, which `predict.load_trained_model` reads."""
        (save_network if is_network(self.model) else save_estimator)(folder, self.model)


@dataclass(frozen=True)
class Trainer:
    """A model that is built and not yet trained; made by `build_trainer`.

    Parameters
    ----------
    model : keras.Model or sklearn.pipeline.Pipeline
    n_parameters : int or None
        Of a network; None for an estimator, which has none before it is fitted.
    n_epochs : int
        The maximum number of epochs; 0 for an estimator.
    """

    model: Any
    n_parameters: int | None
    n_epochs: int
    _spec: ModelSpec
    _training: TrainingConfig
    _augmentation: Augmentation
    _n_classes: int
    _seed: int

    @property
    def ready_made(self) -> bool:
        """Whether the model is not trained at all."""
        return self._spec.ready_made is not None

    def fit(
        self,
        *,
        train: Labeled,
        validation: Labeled | None,
        resume: TrainingState | None = None,
        on_epoch: Callable[[TrainingState], None] | None = None,
    ) -> TrainedModel:
        """Train the model, once; one that is ready-made is returned as it is, and reads no data.

        Parameters
        ----------
        train : Labeled
            Under ``validation = "inner"`` some of its subjects become the validation split.
        validation : Labeled or None
            Measured after every epoch: the test data under ``validation = "test"``, the validation part of the data set
            under ``"given"``; otherwise not used.
        resume : TrainingState, optional
            Where the training of a network resumes.
        on_epoch : callable, optional
            Called with the state of a network after every epoch.

        Raises
        ------
        CkseqError
            The loss is not finite.
        DataError
            The state is of another network, a class has no training data, or the sequences do not suit the model.
        """
        if self.ready_made:
            return TrainedModel(self.model, (), None, 0.0)
        self._check_labels(train)
        if self._spec.kind == "estimator":
            start = time.perf_counter()
            train = train.to_train_on()
            more = {"subjects": train.subjects, "augmentation": self._augmentation}
            named = {f"{self.model.steps[-1][0]}__{name}": value for name, value in more.items()}
            self.model.fit(np.asarray(train.x), train.codes, **(named if self._spec.learns_from_subjects else {}))
            return TrainedModel(self.model, (), None, time.perf_counter() - start)
        if self._training.validation == "inner":
            train, validation = validation_split(train, share=self._training.inner_share, seed=self._seed)
        elif self._training.validation == "none":
            validation = None
        train = train.to_train_on()
        epochs = fit(
            self.model,
            self._training,
            augmentation=self._augmentation,
            train=train,
            validation=validation,
            seed=self._seed,
            resume=resume,
            on_epoch=on_epoch or (lambda _: None),
        )
        chosen = best_epoch(epochs) if self._training.selects_epoch else None
        plain = self._spec.export(self.model)
        if is_multi_label(self.model):
            plain = with_sigmoid(plain)
        return TrainedModel(plain, epochs, chosen, sum(epoch.seconds for epoch in epochs))

    def _check_labels(self, train: Labeled) -> None:
        counts = label_counts(train.codes, self._n_classes)
        useless = counts == 0
        if train.codes.ndim == 2:  # nothing is learned either of a label that all have
            useless |= counts == len(train.codes)
        if useless.any():
            kind = "action units" if train.codes.ndim == 2 else "classes"
            raise DataError(f"{useless.sum()} of {self._n_classes} {kind} have no training data")


def build_trainer(
    spec: ModelSpec,
    model: Config,
    training: TrainingConfig,
    *,
    augmentation: Augmentation,
    input_shape: tuple[int, ...],
    n_classes: int,
    seed: int,
    labels: Sequence[str] = (),
    multi_label: bool = False,
) -> Trainer:
    """Build a model, ready to be trained reproducibly.

    Parameters
    ----------
    spec : ModelSpec
    model : Config
        Of the class ``spec.config``.
    training : TrainingConfig
    augmentation : Augmentation
    input_shape : (t, h, w, channels), or (h, w, channels) of images
    n_classes : int
    seed : int
        Of initial weights, dropout, batches, augmentation, validation split and the random choices of estimators.
    labels : sequence of str
        The names of the classes, for a ready-made model; without them it answers by its own.
    multi_label : bool
        The labels do not exclude each other: outputs are sigmoids, and of an estimator there is one for each label.

    Raises
    ------
    CallError
        The seed is out of range, the model does not fit the input, or a package it needs is not installed.
    """
    backend.check_seed(seed)
    check_input(spec, input_shape)
    if spec.kind == "network":
        backend.start(seed)
        with backend.own_seeds(seed):
            if training.precision == "float32":
                built = spec.build(model, input_shape=input_shape, n_classes=n_classes)
            else:
                built = _in_mixed_precision(spec, model, training.precision, input_shape, n_classes)
            built = with_sigmoid(built) if multi_label else built
        return Trainer(built, built.count_params(), training.epochs, spec, training, augmentation, n_classes, seed)
    built = spec.build(model, input_shape=input_shape, n_classes=n_classes)
    built = one_per_label(built) if multi_label else built
    given: dict[str, Any] = {"random_state": seed}
    if spec.ready_made and labels:
        given["labels"] = tuple(labels)
    names = {path: path.rpartition("__")[2] for path in built.get_params()}
    built.set_params(**{path: given[name] for path, name in names.items() if name in given})
    return Trainer(built, None, 0, spec, training, augmentation, n_classes, seed)


def _in_mixed_precision(
    spec: ModelSpec, model: Config, policy: str, input_shape: tuple[int, ...], n_classes: int
) -> Any:
    """Build a network whose layers compute in half precision, and whose last one, the probabilities, does not.

    Source: Micikevicius et al., "Mixed precision training", ICLR 2018; bfloat16 needs no scaling of the loss.
    """
    try:
        with backend.precision(policy):
            built = spec.build(model, input_shape=input_shape, n_classes=n_classes)
    except (TypeError, ValueError):  # layers of our own with operations of TensorFlow
        raise CallError(
            f"{spec.name} computes in float32 only", fix="set training.precision to float32, or choose another model"
        ) from None
    built.layers[-1].dtype_policy = "float32"
    return built


def check_input(spec: ModelSpec, input_shape: tuple[int, ...]) -> None:
    """Raise an error where a model of sequences is to read images, or a model of images sequences.

    Raises
    ------
    CallError
        It is so.
    """
    given = "images" if len(input_shape) == 3 else "sequences"
    if spec.reads not in (given, "anything"):
        fix = 'input = "crops" with sequence.length_frames = 1 gives images'
        raise CallError(f"{spec.name} reads {spec.reads}, and these are {given} of shape {input_shape}", fix=fix)


def _layer_record(layer: Any) -> LayerRecord:
    shape = getattr(layer, "output_shape", None) or layer.output.shape
    weights = [(math.prod(weight.shape), weight) for weight in layer.weights]
    trainable = {id(weight) for weight in layer.trainable_weights}
    return LayerRecord(
        name=layer.name,
        kind=type(layer).__name__,
        output_shape=tuple(shape[1:]),
        n_parameters=sum(n for n, _ in weights),
        n_trainable=sum(n for n, weight in weights if id(weight) in trainable),
    )


def validation_split(data: Labeled, *, share: float, seed: int) -> tuple[Labeled, Labeled]:
    """Split training data by subject, so that every class stays in the first part.

    Parameters
    ----------
    data : Labeled
    share : float
        Of the sequences in the second part, approximately.
    seed : int

    Returns
    -------
    tuple of two Labeled
        Training and validation data without a subject in common, each in the order of ``data``.

    Raises
    ------
    DataError
        There is only one subject, or a class shown by one subject alone would be lost.
    """
    cases = [
        Case(f"{row:09}", subject, tuple(map(str, np.flatnonzero(code))) if data.codes.ndim == 2 else str(code))
        for row, (subject, code) in enumerate(zip(data.subjects, data.codes, strict=True))
    ]
    parts = holdout(cases, ProtocolConfig(kind="subject_holdout", test_share=share, random_state=seed))
    train, validation = (data.select(np.array([int(id) for id in part])) for part in (parts.train, parts.test))
    return train, validation
