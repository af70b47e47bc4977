"""``run.json``: how a run was made and how far it is, as one typed, versioned record."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ckseq.config import Tree, digest
from ckseq.errors import DataError
from ckseq.recording import Origin
from ckseq.storage.files import TRAIN_AGAIN, read_text, write_text
from ckseq.storage.replacement import interrupted
from ckseq.storage.run_migration import from_schema_1

SCHEMA = 2
RUN = "run.json"
_CHECKSUM = "checksum"
_NAME_A_RUN = "name the folder given to 'ckseq train --out'"


class Record(BaseModel):
    """A part of the record: frozen, strictly typed, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, protected_namespaces=())


class StoreRecord(Record):
    """The store that was trained from; ``crop_shape`` is (height, width[, 3]) where it holds crops.

    ``origin`` is whose faces it shows; None in records of earlier versions.
    """

    path: str
    digest: str
    pipeline: Tree
    crop_shape: tuple[int, ...] | None = None
    origin: Origin | None = None


class FoldRecord(Record):
    """Who is tested on in one fold; ``validation`` is the data set's own validation part, in neither side."""

    number: int
    test: tuple[str, ...]
    validation: tuple[str, ...] = ()


class ProtocolRecord(Record):
    """How sequences were assigned to training and test, counted; ``n_train`` is that of the smallest fold.

    The counts of shared subjects are None where they are unknown.
    """

    kind: str
    digest: str
    n_folds: int = 1
    n_train: int
    n_test: int
    train_counts: dict[str, int] = {}
    validation_counts: dict[str, int] = {}
    test_subjects: int | None = None
    shared_subjects: int | None = None
    test_sequences_of_shared_subjects: int | None = None
    sentence: str = ""


class PairRecord(Record):
    """A test and a training recording that look the same; ``correlation`` is that of their crops."""

    test: str
    train: str
    fold: int
    correlation: float


class RuleRecord(Record):
    """A baseline without motion, and its accuracy; ``p_value`` against the class prior, whose own is None.

    ``interval_method`` is how the interval was computed; ``hits`` has 1 or 0 for each test sequence of the folds, in
    their order. Records of earlier versions have Wilson's interval and no ``hits``.
    """

    name: str
    about: str
    n_correct: int
    n: int
    accuracy: float
    interval: tuple[float, float]
    interval_method: Literal["bootstrap_by_subject", "wilson"] = "wilson"
    p_value: float | None
    hits: str = ""


class LeakageRecord(Record):
    """What training and test sides share, and what rules without pixels, and models of a single picture, reach.

    The counts of shared subjects are those at least where the subjects of some sequences are unknown, and None where
    that would be 0. ``unmeasured`` says which of these models could not be measured; records of earlier versions have
    none.
    """

    n_folds: int
    n_test: int
    sequences_of_unknown_subjects: int = 0
    shared_subjects: int | None
    test_sequences_of_shared_subjects: int | None
    test_sequences_of_shared_sessions: int
    n_duplicates: int
    n_near_duplicates: int
    duplicates: tuple[PairRecord, ...]
    near_duplicates: tuple[PairRecord, ...]
    near_duplicate_correlation: float
    best_rule: str
    rules: tuple[RuleRecord, ...]
    pictures: tuple[RuleRecord, ...] = ()
    unmeasured: tuple[str, ...] = ()

    def rule(self, name: str) -> RuleRecord:
        """Return the rule of that name."""
        return next(rule for rule in self.rules if rule.name == name)

    @property
    def prior(self) -> RuleRecord:
        """The rule that always predicts the class that is most frequent in training."""
        return next(rule for rule in self.rules if rule.p_value is None)

    def picture(self, name: str) -> RuleRecord | None:
        """Return the baseline of a single picture of that name, None where it was not measured."""
        return next((rule for rule in self.pictures if rule.name == name), None)


class UnitBaselineRecord(Record):
    """A baseline of action units without motion: its mean AUC, and that of each unit; None if undefined.

    ``interval`` is also None where there is too little to draw; ``resampled`` is what was drawn, None in records of
    before, whose intervals do not count.
    """

    name: str
    about: str
    mean_auc: float | None
    interval: tuple[float, float] | None
    aucs: dict[str, float | None]
    resampled: Literal["subject", "sequence"] | None = None
    n_subjects: int | None = None


class UnitBaselinesRecord(Record):
    """All baselines of a run on action units, and which could not be measured."""

    baselines: tuple[UnitBaselineRecord, ...]
    unmeasured: tuple[str, ...] = ()


class DoubtRecord(Record):
    """Why a recording of the run is doubtful, and what to do."""

    recording: str
    what: str
    remedy: str


class MemoryRecord(Record):
    """What the training was estimated to need, what was free, and the settings chosen to fit; bytes."""

    estimated_bytes: dict[str, int]
    free_bytes: int
    chosen: tuple[str, ...] = ()
    sentence: str = ""


class LayerRecord(Record):
    """A layer of a network; ``output_shape`` is without the batch, None where it depends on the input."""

    name: str
    kind: str
    output_shape: tuple[int | None, ...]
    n_parameters: int
    n_trainable: int


class ModelRecord(Record):
    """The model; ``n_parameters`` is None for an estimator, ``input_shape`` is without the batch.

    ``ready_made`` is whether it was trained by others, and not in this run.
    """

    kind: str
    n_parameters: int | None
    input_shape: tuple[int, ...]
    layers: tuple[LayerRecord, ...] = ()
    ready_made: bool = False


class TrainingRecord(Record):
    """One training: a seed and a fold; ``made_from`` is the digest of recipe, store and fold.

    ``at_chance`` is whether the training loss ended no better than that of the class frequencies, after ``restarts``.
    """

    seed: int
    fold: int
    made_from: str = ""
    n_train: int
    n_test: int
    epochs: int
    chosen_epoch: int | None = None
    seconds: float
    at_chance: bool = False
    restarts: int = 0


class RunRecord(Record):
    """A run: one training or many, from the recipe to what became of it.

    ``folds`` are those of the protocol, ``train_only`` the recordings that are trained on in every fold and tested
    on in none; ``least_frames`` are the frames of the shortest sequence that is trained on, None in records of
    earlier versions and of single images; ``doubts`` are on recordings whose reference frame, box or motion is
    doubtful; ``trainings`` are those that ended, one for every seed and fold in the end. ``leakage`` is of a run on
    classes, ``unit_baselines`` of one on action units (None in records of earlier versions). ``experiment`` and
    ``store.pipeline`` are recipes with all their values. A final model, trained on all sequences, has no fold.
    ``files`` are the digests of the files of a complete run by name, but for what a report derives from them.
    """

    schema_version: int = Field(SCHEMA, alias="schema")
    kind: Literal["training", "cross_validation", "nested_search", "final"]
    state: Literal["training", "interrupted", "complete"] = "training"
    ckseq_version: str
    created: str
    command: str = ""
    experiment_name: str
    experiment: Tree
    store: StoreRecord | None = None
    labels: tuple[str, ...]
    protocol: ProtocolRecord
    folds: tuple[FoldRecord, ...] = ()
    train_only: tuple[str, ...] = ()
    least_frames: int | None = None
    seeds: tuple[int, ...] = ()
    leakage: LeakageRecord | None = None
    unit_baselines: UnitBaselinesRecord | None = None
    memory: MemoryRecord | None = None
    model: ModelRecord | None = None
    trainings: tuple[TrainingRecord, ...] = ()
    epochs_done: int = 0
    device: str = ""
    versions: dict[str, str] = {}
    balance_notes: tuple[str, ...] = ()
    doubts: tuple[DoubtRecord, ...] = ()
    notes: tuple[str, ...] = ()
    files: dict[str, str] = {}

    @property
    def tested(self) -> tuple[str, ...]:
        """The ids of all recordings that are tested on, sorted."""
        return tuple(sorted({id for fold in self.folds for id in fold.test}))

    @property
    def seconds(self) -> float:
        """What all trainings took together."""
        return sum(training.seconds for training in self.trainings)

    @property
    def model_kind(self) -> str:
        """The model's kind; empty where it was not built."""
        return "" if self.model is None else self.model.kind

    @property
    def ready_made(self) -> bool:
        """Whether the model was not trained in this run, but by others before."""
        return self.model is not None and self.model.ready_made

    @property
    def predicts_units(self) -> bool:
        """Whether it predicts action units, and not classes."""
        return self.value("task") == "action_units"

    @property
    def store_digest(self) -> str:
        """The digest of the store; empty where there was more than one."""
        return "" if self.store is None else self.store.digest

    def value(self, path: str) -> Any:
        """Return a value of the experiment by its path, as ``training.validation``; None where it has none."""
        node: Any = self.experiment
        for key in path.split("."):
            node = node.get(key) if isinstance(node, dict) else None
        return node

    def changed(self, **changes: Any) -> RunRecord:
        """Return the record with some fields changed."""
        return self.model_copy(update=changes)


def write_run(folder: Path, run: RunRecord) -> None:
    """Write ``run.json``.

    Raises
    ------
    DataError
        The file cannot be written.
    """
    tree = run.model_dump(mode="json", by_alias=True)
    write_text(folder / RUN, json.dumps({**tree, _CHECKSUM: digest(tree)}, indent=2, ensure_ascii=False) + "\n")


def read_run(folder: Path) -> RunRecord:
    """Read ``run.json``, also that of version 0.1.

    Raises
    ------
    DataError
        The folder does not exist or is no run; the file is cut short, was written by a newer ckseq, or a field of it is
        missing or of another type: the message names the field.
    """
    path = folder / RUN
    if not folder.is_dir():
        if old := interrupted(folder):
            fix = f"repeat the interrupted command with --overwrite, or rename {old.name} to {folder.name}"
            raise DataError("its replacement was cut off", folder, fix)
        raise DataError("there is no such folder", folder, _NAME_A_RUN)
    if not path.is_file():
        raise DataError(f"is not a run: it holds no {RUN}", folder, _inner_runs(folder) or _NAME_A_RUN)
    try:
        tree = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise DataError(f"is cut short or not JSON: {error}", path, TRAIN_AGAIN) from None
    schema = tree.get("schema") if isinstance(tree, dict) else None
    if type(schema) is not int or schema < 1:
        raise DataError("is not a ckseq run: it names no schema", path, _NAME_A_RUN)
    if schema > SCHEMA:
        version = tree.get("ckseq_version", "an unknown version")
        raise DataError(
            f"was written by a newer ckseq ({version}): schema {schema}, this one reads {SCHEMA}", path, "upgrade ckseq"
        )
    if schema == SCHEMA and tree.pop(_CHECKSUM, None) != digest(tree):
        raise DataError("was changed after ckseq wrote it: its checksum differs", path, "restore it, or train again")
    try:
        # through JSON, where a list may be a tuple
        return RunRecord.model_validate_json(json.dumps(from_schema_1(tree) if schema == 1 else tree))
    except (ValidationError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise DataError(f"is not a complete record of a run: {_first(error)}", path, TRAIN_AGAIN) from None


def _inner_runs(folder: Path) -> str:
    """Return which runs a folder of runs holds, as that of 'ckseq experiment'; empty without any."""
    inner = sorted(path.parent for path in folder.glob(f"*/{RUN}") if path.is_file())
    if not inner:
        return ""
    more = f" (or another of the {len(inner)} runs in it)" if len(inner) > 1 else ""
    return f"name the run in it: {inner[0]}{more}"


def _first(error: Exception) -> str:
    if isinstance(error, ValidationError):
        found = error.errors(include_url=False)[0]
        return f"{'.'.join(map(str, found['loc']))}: {found['msg'][0].lower()}{found['msg'][1:]}"
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)


def find_runs(folder: Path) -> tuple[Path, ...]:
    """Return the run folders in a folder, itself included, sorted; the folds within a run are no runs of their own.

    Raises
    ------
    DataError
        There is no such folder.
    """
    if not folder.is_dir():
        raise DataError("there is no such folder", folder, "name a folder that holds runs")
    found: list[Path] = []
    for path in sorted(folder.rglob(RUN), key=lambda path: (len(path.parts), path)):
        if not any(run in path.parents for run in found):
            found.append(path.parent)
    return tuple(sorted(found))
