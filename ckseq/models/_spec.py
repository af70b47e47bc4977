"""The contract of a model: every file of this room ends in a `ModelSpec`, which is all that other rooms use of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

from ckseq.config import Config


class Footprint(NamedTuple):
    """The size of a network in training.

    Parameters
    ----------
    n_parameters : int
    sequence_bytes : int
        Stored of a sequence for the backward pass, besides what is stored of every time step.
    step_bytes : int
        Stored of each time step of a sequence from its first frame of motion on.
    block_bytes, block_sequence_bytes : int
        Stored of the block that is computed at once, whatever the batch; and what a sequence uses of it, where a batch
        is smaller than a block.
    depends_on_batch : bool
        Whether it normalizes over the batch, so that gradients cannot be accumulated over parts of a batch.
    """

    n_parameters: int
    sequence_bytes: int
    step_bytes: int
    block_bytes: int
    block_sequence_bytes: int
    depends_on_batch: bool = False


class Build(Protocol):
    """Builds a model."""

    def __call__(self, config: Any, *, input_shape: tuple[int, ...], n_classes: int) -> Any:
        """Return a network that is not compiled, or an estimator that is not fitted.

        Parameters
        ----------
        config : Config
            Of the class that the spec names.
        input_shape : tuple of int
            (steps, rows, columns, channels) of sequences, (height, width, channels) of images.
        n_classes : int
            Not used by an estimator, which finds its classes in the training data.

        Returns
        -------
        keras.Model or sklearn.pipeline.Pipeline
            Both read (n, *input_shape) float32. The first stage of the latter knows that shape, as its attribute
            ``input_shape``, or ``input_shape_`` once it is fitted, as that of `ckseq.Projections`.

        Raises
        ------
        CallError
            The config or the input does not suit the model, or a package it needs is not installed.
        """


class FootprintFormula(Protocol):
    """Computes the footprint of a network without building it; parameters and errors as of `Build`."""

    def __call__(self, config: Any, *, input_shape: tuple[int, ...], n_classes: int) -> Footprint:
        """Return the footprint."""


class ReadyMade(Protocol):
    """Describes a model that others trained, and that answers as it is."""

    def __call__(self, config: Any, labels: Sequence[str]) -> tuple[str, ...]:
        """Return what a reader of its results must know, in lines; the first says that it is ready-made.

        It is called before anything else is done, and checks the model's file.

        Parameters
        ----------
        config : Config
            Of the class that the spec names.
        labels : sequence of str
            The classes of the experiment.

        Raises
        ------
        CallError
            There is no such file, or it cannot name these classes.
        DataError
            The file is another one.
        """


def unchanged(model: Any) -> Any:
    """Return the network itself: all its layers are Keras's own."""
    return model


@dataclass(frozen=True)
class ModelSpec:
    """What a file of models offers.

    Parameters
    ----------
    name : str
        That of the file.
    kind : str
        ``network`` of Keras, trained epoch by epoch; ``estimator`` of scikit-learn, fitted in one call.
    config : type
        The model's own config class.
    build : callable
        See `Build`.
    reads : str
        ``sequences`` (n, t, h, w, channels), ``images`` (n, h, w, channels), or ``anything``.
    export : callable
        Returns a network of plain Keras layers with the same weights, which loads where ckseq is not installed.
    footprint : callable, optional
        See `FootprintFormula`; without it a network is built and measured.
    learns_from_subjects : bool
        Of an estimator: its fit also needs the ``subjects`` of the sequences and the ``augmentation``.
    trusted_types : tuple of str
        Of an estimator: the types in its saved file beyond those that skops trusts by itself; of a plug-in's own class
        ``f"{__name__}.TheClass"``.
    inputs : tuple of str
        The experiment's ``input`` must be one of these; empty is any that the model's shape fits.
    ready_made : callable, optional
        Of an estimator that is not trained; see `ReadyMade`. Its parameter ``labels`` gets the names of the classes.

    Examples
    --------
    >>> from sklearn.linear_model import RidgeClassifier
    >>> from sklearn.pipeline import make_pipeline
    >>> def build(config, *, input_shape, n_classes):
    ...     return make_pipeline(ckseq.Projections(), RidgeClassifier())
    >>> spec = ckseq.ModelSpec(name="plain_ridge", kind="estimator", config=ckseq.Config, build=build)
    >>> spec.build(spec.config(), input_shape=(24, 2, 267, 3), n_classes=7).steps[1][0]
    'ridgeclassifier'
    """

    name: str
    kind: Literal["network", "estimator"]
    config: type[Config]
    build: Build
    reads: Literal["sequences", "images", "anything"] = "sequences"
    export: Callable[[Any], Any] = unchanged
    footprint: FootprintFormula | None = None
    learns_from_subjects: bool = False
    trusted_types: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    ready_made: ReadyMade | None = None
