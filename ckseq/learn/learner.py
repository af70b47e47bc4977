"""One way to learn, for networks of Keras and for estimators of scikit-learn."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ckseq.config import Config
from ckseq.errors import CallError, DataError
from ckseq.learn import backend
from ckseq.learn.augmentation import Augmentation
from ckseq.learn.fit import Labeled, Sequences, State, TrainingConfig, best_epoch, fit
from ckseq.learn.predict import is_network, probabilities, save_estimator, save_network
from ckseq.protocol.holdout import Case, ProtocolConfig, split
from ckseq.storage.history import Epoch


@dataclass(frozen=True)
class Learned:
    """A model that has learnt.

    Parameters
    ----------
    model : keras.Model or sklearn.pipeline.Pipeline
        A network of plain Keras layers, or an estimator.
    epochs : tuple of Epoch
        Empty for an estimator, which learns in one step.
    chosen_epoch : int or None
        The epoch whose weights the network has, where an inner validation chose it.
    seconds : float
        What learning took.
    """

    model: Any
    epochs: tuple[Epoch, ...]
    chosen_epoch: int | None
    seconds: float

    def probabilities(self, x: Sequences) -> NDArray[np.float32]:
        """Return (n, n_classes) float32 for sequences (n, t, h, w[, channels]); see `predict.probabilities`."""
        return probabilities(self.model, x)

    def save(self, folder: Path) -> None:
        """Write ``model.keras`` or ``model.skops``, which `predict.load_network` reads."""
        (save_network if is_network(self.model) else save_estimator)(folder, self.model)


@dataclass(frozen=True)
class Learner:
    """A model that is built and has learnt nothing yet; made by `prepare`.

    Parameters
    ----------
    model : keras.Model or sklearn.pipeline.Pipeline
    n_parameters : int or None
        How many numbers a network learns; None for an estimator, which has none before it learns.
    n_epochs : int
        At most so many will be told; 0 for an estimator.
    """

    model: Any
    n_parameters: int | None
    n_epochs: int
    _export: Callable[[Any], Any] | None
    _training: TrainingConfig
    _augmentation: Augmentation
    _n_classes: int
    _seed: int

    def learn(
        self,
        *,
        train: Labeled,
        watched: Labeled | None,
        resume: State | None = None,
        on_epoch: Callable[[State], None] | None = None,
    ) -> Learned:
        """Learn, once.

        Parameters
        ----------
        train : Labeled
            Under ``validation = "inner"`` some of its subjects are set apart to choose the epoch.
        watched : Labeled or None
            Measured after every epoch: the test sequences under ``validation = "test"``, the data set's validation
            part under ``"given"``; otherwise not looked at.
        resume : State, optional
            Where a network goes on.
        on_epoch : callable, optional
            Is given the state of a network after every epoch.

        Raises
        ------
        CkseqError
            The loss is no longer a number.
        DataError
            The state is of another network, a class has nothing to train on, or the sequences do not suit the model.
        """
        if missing := set(range(self._n_classes)) - set(train.codes.tolist()):
            raise DataError(f"{len(missing)} of {self._n_classes} classes have nothing to train on")
        if self._export is None:
            start = time.perf_counter()
            self.model.fit(np.asarray(train.x), train.codes)
            return Learned(self.model, (), None, time.perf_counter() - start)
        if self._training.validation == "inner":
            train, watched = divide(train, share=self._training.inner_share, seed=self._seed)
        elif self._training.validation == "none":
            watched = None
        epochs = fit(
            self.model,
            self._training,
            augmentation=self._augmentation,
            train=train,
            watched=watched,
            seed=self._seed,
            resume=resume,
            on_epoch=on_epoch or (lambda _: None),
        )
        chosen = best_epoch(epochs) if self._training.chooses else None
        return Learned(self._export(self.model), epochs, chosen, sum(epoch.seconds for epoch in epochs))


def prepare(
    models: ModuleType,
    model: Config,
    training: TrainingConfig,
    *,
    augmentation: Augmentation,
    input_shape: tuple[int, ...],
    n_classes: int,
    seed: int,
) -> Learner:
    """Build what a file of ``models`` describes, ready to learn repeatably.

    Parameters
    ----------
    models : module
        With ``build``; that of a network has ``export`` as well, which gives plain Keras layers.
    model : Config
        The module's own.
    training : TrainingConfig
    augmentation : Augmentation
    input_shape : (t, h, w, channels), or (h, w, channels) of images
    n_classes : int
    seed : int
        Of initial weights, dropout, batches, variation, inner validation and the random choices of estimators.

    Raises
    ------
    CallError
        The seed is out of range, the model does not fit the input, or a package it needs is not installed.
    """
    backend.check_seed(seed)
    check_reads(models, input_shape)
    network = hasattr(models, "export")
    if network:
        backend.start(seed)
    built = models.build(model, input_shape=input_shape, n_classes=n_classes)
    if not network:
        built.set_params(**{name: seed for name in built.get_params() if name.endswith("random_state")})
    return Learner(
        built,
        built.count_params() if network else None,
        training.epochs if network else 0,
        models.export if network else None,
        training,
        augmentation,
        n_classes,
        seed,
    )


def check_reads(models: ModuleType, input_shape: tuple[int, ...]) -> None:
    """Refuse images for a model of sequences, and sequences for a model of images."""
    reads = getattr(models, "READS", "sequences")
    given = "images" if len(input_shape) == 3 else "sequences"
    if reads not in (given, "anything"):
        name = models.__name__.rpartition(".")[2]
        fix = 'input = "crops" with sequence.length_frames = 1 gives images'
        raise CallError(f"{name} reads {reads}, and these are {given} of shape {input_shape}", fix=fix)


def divide(data: Labeled, *, share: float, seed: int) -> tuple[Labeled, Labeled]:
    """Set some subjects apart, so that every class keeps sequences on the first side.

    Parameters
    ----------
    data : Labeled
    share : float
        Of the sequences that go to the second side, about.
    seed : int

    Returns
    -------
    tuple of two Labeled
        Without a subject in common, each in the order of ``data``.

    Raises
    ------
    DataError
        There is one subject only, or a class shown by one subject alone cannot be kept.
    """
    cases = [
        Case(f"{row:09}", subject, str(code))
        for row, (subject, code) in enumerate(zip(data.subjects, data.codes, strict=True))
    ]
    division = split(cases, ProtocolConfig(kind="subject_holdout", test_share=share, random_state=seed))
    kept, apart = (data.take(np.array([int(id) for id in side])) for side in (division.train, division.test))
    return kept, apart
