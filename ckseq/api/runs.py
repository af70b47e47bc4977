"""`train`, `crossval` and `load_run`: trainings from Python, and what can be done with their results."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ckseq.api.arguments import as_frames, as_name, as_path, as_store_path, check_choice, check_training
from ckseq.api.boundary import names_arguments
from ckseq.api.log_console import LogConsole, Progress
from ckseq.api.settings import Settings, as_options
from ckseq.api.written_report import Report
from ckseq.defaults import CONFIDENCE, FRAMES_PER_SECOND
from ckseq.errors import CallError, DataError
from ckseq.experiment.finished import Finished
from ckseq.inference.inputs import Input, ReadAs
from ckseq.inference.predictions import Prediction
from ckseq.inference.predictor import Predictor, load_predictor
from ckseq.inference.recordings import RecordingOptions
from ckseq.inference.sequences import predict_sequence, with_neutral
from ckseq.notebook import html_table
from ckseq.plugins import admit_file
from ckseq.recording import Recording, VideoFile
from ckseq.report import tables
from ckseq.report.scores import scores_of
from ckseq.report.wording import noun_of
from ckseq.storage.complete_run import read_complete_run
from ckseq.storage.predictions import Predictions
from ckseq.storage.run_record import RunRecord, read_run
from ckseq.storage.store import Store
from ckseq.tasks.crossval import crossval as crossval_task
from ckseq.tasks.predict import apply_model
from ckseq.tasks.report import report as report_task
from ckseq.tasks.train import train as train_task
from ckseq.tracking.timeline import TimelineConfig

_Path = str | PathLike[str]


class Run:
    """A training or cross-validation in its folder; made by `train`, `crossval` and `load_run`.

    Attributes
    ----------
    folder : Path
        The run folder.
    record : RunRecord
        How the run was made: recipes with all their values, data, folds, seeds, versions.

    Examples
    --------
    >>> run = ckseq.load_run("cv")
    >>> run.scores["accuracy"], run.record.kind, run.record.labels
    (1.0, 'cross_validation', ('happiness', 'sadness', 'surprise'))
    >>> row = run.predictions.rows[0]
    >>> row.recording, row.truth, row.predicted
    ('S005_001', 'surprise', 'surprise')
    """

    def __init__(self, folder: Path, record: RunRecord) -> None:
        self.folder, self.record = folder, record

    @cached_property
    @names_arguments
    def predictions(self) -> Predictions:
        """The predictions of the test recordings: ``labels``, and ``rows`` with one for each recording and seed.

        Raises
        ------
        DataError
            The training is not complete, or the file is damaged.
        """
        return read_complete_run(self.folder, of_units=None).predictions

    @property
    def scores(self) -> dict[str, Any]:
        """The main score as the command line prints it: ``accuracy``, or ``mean_auc`` of action units, also by seed."""
        return Finished(self.record, self.predictions).scores()

    @property
    def headline(self) -> str:
        """The main score in words, an accuracy with its 95 % confidence interval."""
        if self.record.predicts_units:
            return Finished(self.record, self.predictions).summary()
        facts, predictions = read_complete_run(self.folder)
        return tables.headline(scores_of(facts, predictions, confidence=CONFIDENCE), noun_of(facts))

    @names_arguments
    def predict(
        self,
        source: _Path | Recording | NDArray[np.uint8] | Sequence[NDArray[np.uint8]],
        *,
        read_as: ReadAs = "auto",
        neutral: _Path | None = None,
    ) -> Prediction:
        """Classify a new recording or photo with the run's model, preprocessed as its training data were.

        Parameters
        ----------
        source : path, Recording, or (f, h, w) or (f, h, w, 3) uint8
            A video file, a folder of frames or a photo; or a recording as of `scan`; or the frames of one recording
            of an expression, gray or red, green, blue.
        read_as : str
            ``sequence``, one class for the whole; ``timeline``, classes over time; ``auto`` takes what lasts longer
            than five seconds for a timeline.
        neutral : path, optional
            A recording of the person's neutral face, for a run that is calibrated by person.

        Returns
        -------
        SequencePrediction, TimelinePrediction or PhotoPrediction
            The first with ``predicted`` and ``probabilities``, by label.

        Raises
        ------
        CallError
            The model does not read such an input, or a folder holds several photos.
        DataError
            The run has no model, as a cross-validation; the input cannot be read, or shows no face.

        Examples
        --------
        >>> found = ckseq.load_run("run").predict("faces/cohn-kanade-images/S005/001")
        >>> found.predicted, round(found.probabilities["surprise"], 2)
        ('surprise', 1.0)
        """
        check_choice(read_as, "read_as", ReadAs)
        predictor = with_neutral(self._predictor, None if neutral is None else as_path(neutral, "neutral"))
        if isinstance(source, Recording) and isinstance(source.frames, VideoFile):
            source = source.frames.path
        if not isinstance(source, str | PathLike):
            if predictor.reads_images:
                raise CallError("a model of single images reads photos and videos", fix="name the path of one")
            if isinstance(source, Recording):
                return predict_sequence(Input(source.id, source.frames, "sequence"), predictor)
            return predict_sequence(Input("frames", as_frames(source), "sequence"), predictor)
        options = RecordingOptions(read_as, None, False, FRAMES_PER_SECOND, None, TimelineConfig())
        found = apply_model(predictor, [str(source)], options, console=LogConsole())
        if not found.predictions:
            raise DataError(next(iter(found.failed.values()), "there is nothing to predict"), source)
        if len(found.predictions) > 1:
            raise CallError(f"holds {len(found.predictions)} photos", source, "predict them one by one")
        return found.predictions[0]

    @cached_property
    def _predictor(self) -> Predictor:
        return load_predictor(self.folder)

    @names_arguments
    def report(
        self,
        *,
        faces: bool = True,
        all_faces: bool = False,
        store: _Path | None = None,
        units: _Path | None = None,
        figures: _Path | None = None,
    ) -> Report:
        """Write all tables, figures and the page of the run into its folder.

        Parameters
        ----------
        faces : bool
            Whether the figures show faces.
        all_faces : bool
            Whether they also show faces of CK+ that may not be published.
        store : path, optional
            The store of the run, where it was moved.
        units : path, optional
            A run on action units, whose predictions are compared with the emotions.
        figures : path, optional
            A folder for figures in print quality.

        Raises
        ------
        CallError
            The store is not that of the run, or options contradict each other.
        DataError
            A file of the run is missing or damaged, or there are no predictions yet.

        Examples
        --------
        >>> ckseq.load_run("cv").report(faces=False).headline
        'Accuracy 1.00 (95 % interval 0.80 to 1.00, Wilson): 15 of 15 test sequences'
        """
        paths = {"store": store, "units": units, "figures": figures}
        values = report_task(
            self.folder,
            faces=faces,
            all_faces=all_faces,
            console=LogConsole(),
            **{name: None if path is None else as_path(path, name) for name, path in paths.items()},
        )
        files = {name: Path(path) for name, path in values["files"].items()}
        return Report(Path(values["report"]), self.headline, files, values)

    def __repr__(self) -> str:
        return f"<Run {self.folder}: {self.record.experiment_name}, {self.record.kind}, {self.record.state}>"

    def _repr_html_(self) -> str:
        record, complete = self.record, self.record.state == "complete"
        rows = [
            ("experiment", record.experiment_name),
            ("model", record.model_kind),
            ("classes", ", ".join(record.labels)),
            ("protocol", f"{record.protocol.kind}: {record.protocol.sentence}"),
            *(("note", note) for note in record.notes),
        ]
        return html_table(f"{self.folder}: {self.headline if complete else record.state}", rows)


@names_arguments
def train(
    store: _Path | Store,
    *,
    out: _Path,
    experiment: str = "default",
    settings: Settings | None = None,
    seed: int | None = None,
    overwrite: bool = False,
    resume: bool = False,
    fit_memory: bool = False,
    progress: Progress | None = None,
) -> Run:
    """Train one model as an experiment asks and test it on people it was not trained on, as ``ckseq train`` does.

    Parameters
    ----------
    store : path or Store
        Prepared recordings.
    out : path
        The run folder.
    experiment : str
        The name of an experiment, or the path of its .toml file.
    settings : mapping, optional
        Fields of the experiment that differ, as ``{"training.epochs": 20}``.
    seed : int, optional
        Instead of the experiment's own.
    overwrite, resume : bool
        Replace the run at ``out``, or go on with it.
    fit_memory : bool
        Choose what makes the training fit into memory without changing its mathematics.
    progress : callable, optional
        Called with ``"epochs"``, how many are done, and how many there are.

    Returns
    -------
    Run

    Raises
    ------
    CallError
        ``out`` is in the way, or the experiment is wrong.
    DataError
        The store has too little for the experiment.
    CkseqError
        The training would need more memory than there is.

    Examples
    --------
    >>> run = ckseq.train("faces.h5", out="trained")
    >>> run.headline
    'Accuracy 1.00 (95 % interval 0.44 to 1.00, Wilson): 3 of 3 test sequences'
    """
    check_training(seed, progress)
    folder = as_path(out, "out", fix="give the path of the run folder").absolute()
    train_task(
        as_store_path(store).absolute(),
        experiment=as_name(experiment, "experiment"),
        out=folder,
        settings=as_options(settings),
        seed=seed,
        overwrite=overwrite,
        resume=resume,
        fit_memory=fit_memory,
        console=LogConsole(progress),
    )
    return load_run(folder)


@names_arguments
def crossval(
    store: _Path | Store,
    *,
    out: _Path,
    experiment: str = "default",
    settings: Settings | None = None,
    seed: int | None = None,
    seeds: int = 1,
    jobs: int = 1,
    overwrite: bool = False,
    resume: bool = False,
    fit_memory: bool = False,
    keep_models: bool = False,
    progress: Progress | None = None,
) -> Run:
    """Test every sequence by a model that was not trained on it, as ``ckseq crossval`` does.

    Parameters
    ----------
    store : path or Store
        Prepared recordings.
    out : path
        The run folder.
    experiment : str
        The name of an experiment, or the path of its .toml file. Where its protocol is a holdout, five subject-disjoint
        folds take its place.
    settings : mapping, optional
        Fields of the experiment that differ, as ``{"model.kind": "svm"}``.
    seed : int, optional
        The first seed, instead of the experiment's own.
    seeds : int
        Number of seeds, counting up from the first; the folds are the same for all.
    jobs : int
        Number of folds at once; -1 is one per core.
    overwrite, resume : bool
        Replace the run at ``out``, or go on with it.
    fit_memory : bool
        Choose what makes a training fit into memory without changing its mathematics.
    keep_models : bool
        Keep the model of every fold.
    progress : callable, optional
        Called with ``"folds"``, how many are done, and how many there are.

    Returns
    -------
    Run

    Raises
    ------
    CallError
        ``out`` is in the way, or the experiment is wrong.
    DataError
        The store has too little for the experiment or its folds.

    Examples
    --------
    >>> run = ckseq.crossval("faces.h5", out="loso", settings={"protocol.kind": "leave_one_subject_out"})
    >>> len(run.predictions.rows), run.record.protocol.kind
    (15, 'leave_one_subject_out')
    """
    check_training(seed, progress, seeds=seeds, jobs=jobs)
    folder = as_path(out, "out", fix="give the path of the run folder").absolute()
    crossval_task(
        as_store_path(store).absolute(),
        experiment=as_name(experiment, "experiment"),
        out=folder,
        settings=as_options(settings),
        seed=seed,
        seeds=seeds,
        jobs=jobs,
        overwrite=overwrite,
        resume=resume,
        fit_memory=fit_memory,
        keep_models=keep_models,
        console=LogConsole(progress),
    )
    return load_run(folder)


@names_arguments
def load_run(run: _Path | Run, *, plugins: _Path | Sequence[_Path] = ()) -> Run:
    """Open a run folder that `train`, `crossval` or the command line made; no code in it is executed.

    Parameters
    ----------
    run : path or Run
        The run folder; a run that is open already is returned as it is.
    plugins : path, or sequence of path
        Files of plug-ins that the run was made with, whose code is executed. `Run.predict` needs those that the record
        names, with the same SHA-256; those of installed packages are found.

    Returns
    -------
    Run

    Raises
    ------
    CallError
        A plug-in cannot be loaded.
    DataError
        The folder is no run, or its record is damaged or of a newer version.

    Examples
    --------
    >>> ckseq.load_run("run").record.state
    'complete'
    """
    if isinstance(run, Run):
        return run
    folder = as_path(run, "run", fix="give the path of a run folder").absolute()
    for path in [plugins] if isinstance(plugins, str | PathLike) else plugins:
        admit_file(as_path(path, "plugins", fix="give paths of .py files"))
    return Run(folder, read_run(folder))
