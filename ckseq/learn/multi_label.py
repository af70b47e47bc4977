"""Labels that do not exclude each other, as action units: sigmoid outputs, and one estimator for each label.

A network tells by its outputs which kind it is, so that a saved one needs no companion.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ckseq.errors import CallError
from ckseq.learn.backend import load_keras

if TYPE_CHECKING:
    import keras


def with_sigmoid(network: keras.Model) -> keras.Model:
    """Turn the softmax of a network's last layer into sigmoids, in place: every output becomes a label by itself.

    Raises
    ------
    CallError
        The network does not end in a dense layer with softmax.
    """
    last = network.layers[-1]
    if not isinstance(last, load_keras().layers.Dense) or last.activation.__name__ not in ("softmax", "sigmoid"):
        raise CallError(
            f"the network {network.name} does not end in a dense layer with softmax, and has no independent outputs",
            fix="choose another model for action units",
        )
    last.activation = load_keras().activations.sigmoid
    return network


def is_multi_label(network: Any) -> bool:
    """Whether the outputs of a network are labels by themselves, and no classes of which one is right."""
    return getattr(getattr(network.layers[-1], "activation", None), "__name__", "") == "sigmoid"


def one_per_label(estimator: Any) -> Any:
    """Return an estimator, a pipeline of scikit-learn, whose last stage is fitted once for each label."""
    from sklearn.pipeline import make_pipeline

    from ckseq.models._one_per_label import OnePerLabel

    stages = estimator[:-1] if len(estimator) > 1 else None
    return make_pipeline(OnePerLabel(stages, estimator[-1]))
