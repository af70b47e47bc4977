"""How a network is trained: the section ``[training]`` of an experiment."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from ckseq.config import Config


class TrainingConfig(Config):
    """How a network is trained; the loss is the cross-entropy, of action units the binary. Estimators do not use it."""

    epochs: int = Field(100, ge=1, le=1_000_000, description="maximum number of epochs")
    batch_size: int = Field(64, ge=1, le=1_000_000, description="sequences per gradient step")
    micro_batch_size: Annotated[int, Field(ge=1)] | Literal["whole"] = Field(
        "whole",
        description="gradient accumulation, to save memory: sequences computed at once, whose gradients are added up "
        "over the batch; whole computes the full batch at once",
    )
    optimizer: Literal["adam", "nadam", "rmsprop", "sgd"] = Field("adam", description="optimizer")
    learning_rate: float = Field(0.001, gt=0, description="learning rate, the initial one of a schedule")
    schedule: Literal["constant", "cosine", "step", "plateau"] = Field(
        "constant",
        description="learning rate schedule; cosine: cosine annealing from learning_rate to nearly zero; step: "
        "multiplied by decay every decay_epochs; plateau: multiplied by decay after decay_epochs without a new lowest "
        "validation loss",
    )
    decay: float = Field(0.1, gt=0, lt=1, description="factor on the learning rate in the schedules step and plateau")
    decay_epochs: int = Field(
        10, ge=1, le=1_000_000, description="epochs before each decay in the schedules step and plateau"
    )
    frozen_epochs: int = Field(
        0,
        ge=0,
        le=1_000_000,
        description="fine-tuning: epochs at the start in which the backbone is frozen and only the head trains",
    )
    thawed_rate: float = Field(
        0.1, gt=0, le=1, description="fine-tuning: factor on the learning rate after frozen_epochs"
    )
    clip_norm: float = Field(
        0.0, ge=0, description="gradient clipping: largest Euclidean norm of all gradients together; 0 is none"
    )
    restarts: int = Field(
        0,
        ge=0,
        le=20,
        description="how often to train again from other initial weights where the network did not learn: its training "
        "loss is no better than that of the class frequencies, as with dead rectified linear units; 0 only notes it",
    )
    precision: Literal["float32", "mixed_bfloat16"] = Field(
        "float32",
        description="numbers that layers compute with; mixed_bfloat16: bfloat16, with weights and output in float32, "
        "which saves memory and time on GPUs that have it, and costs time on most CPUs",
    )
    weight_decay: float = Field(0.0, ge=0, description="decoupled weight decay (AdamW), not on biases; 0 is none")
    label_smoothing: float = Field(0.0, ge=0, lt=1, description="label smoothing of the training targets")
    class_weights: Literal["none", "balanced", "frequency"] = Field(
        "none",
        description="class weights in the loss; balanced: inversely proportional to the class frequencies, so that "
        "every class counts the same; frequency: the class frequencies, so that rare classes count even less",
    )
    adversarial_multiplier: float = Field(
        0.0, ge=0, description="adversarial regularization: weight of the loss on adversarial examples; 0 is none"
    )
    adversarial_step: float = Field(
        0.01,
        gt=0,
        description="adversarial regularization: size of the perturbation, as a share of the input range",
    )
    adversarial_norm: Literal["l2", "infinity"] = Field(
        "infinity", description="adversarial regularization: norm of the perturbation"
    )
    validation: Literal["test", "inner", "given", "none"] = Field(
        "test",
        description="data measured after every epoch: test, for the curves only, as in the paper; inner, a validation "
        "split of the training data by subject, used for early stopping and to select the best epoch (early_stopping); "
        "given, the same with the validation part of the data set; none",
    )
    inner_share: float = Field(
        0.2, gt=0, lt=1, description="validation = inner: share of the training sequences in the validation split"
    )
    early_stopping: bool = Field(
        True,
        description="validation = inner and given: stop early, and use the weights of the epoch with the lowest "
        "validation loss; false measures the validation data for the curves only",
    )
    patience: int = Field(
        20,
        ge=1,
        le=1_000_000,
        description="early stopping: epochs without a lower validation loss, where it selects the epoch",
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.schedule == "plateau" and self.validation == "none":
            raise ValueError("schedule = plateau needs a validation loss: validation may not be none")
        if self.adversarial_multiplier and self.micro_batch_size != "whole":
            raise ValueError('adversarial_multiplier needs micro_batch_size = "whole"')
        return self

    @property
    def selects_epoch(self) -> bool:
        """Whether the validation loss stops the training early and selects the epoch whose weights are used."""
        return self.early_stopping and self.validation in ("inner", "given")
