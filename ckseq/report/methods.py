"""The methods paragraph of a paper, written from the record and the predictions of a run, and from nothing else."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from ckseq.grammar import counted
from ckseq.protocol.intervals import N_DRAWS
from ckseq.report.against_baselines import all_kinds
from ckseq.report.data_parts import n_validation, swapped_parts
from ckseq.report.methods_model import model_sentences
from ckseq.report.methods_preprocessing import preprocessing_sentences
from ckseq.report.wording import IMAGE, Noun, noun_of, percent
from ckseq.storage.predictions import Prediction, Predictions
from ckseq.storage.run_record import RunRecord

_DATA = {
    "ckplus": "the extended Cohn-Kanade data set (CK+) [@kanade2000; @lucey2010]",
    "ckplus_layout": "a data set in the layout of the extended Cohn-Kanade data set (CK+) [@kanade2000; @lucey2010]",
    "synthetic": "a synthetic data set of drawn faces that show no person",
    "recorded": "recordings of consenting people made with ckseq",
}
_NAMES = {"python": "Python", "numpy": "NumPy", "tensorflow": "TensorFlow", "keras": "Keras"}


class MethodsText(NamedTuple):
    """What a paper says of a run: sentences with citations as ``[@key]``, and what only its authors know."""

    sentences: tuple[str, ...]
    to_add: tuple[str, ...]

    @property
    def text(self) -> str:
        """The sentences as a paragraph."""
        return " ".join(self.sentences)


def written_methods(
    run: RunRecord, predictions: Predictions, *, interval_method: str, confidence: float, follows: str
) -> MethodsText:
    """Return the methods paragraph of a run.

    Parameters
    ----------
    run : RunRecord
    predictions : Predictions
        Of its test recordings; the source of all counts.
    interval_method : str
        How the interval of the main score was computed: ``bootstrap_by_subject``, ``bootstrap_by_sequence`` or
        ``wilson``.
    confidence : float
        Level of that interval.
    follows : str
        How close the run is to a published set-up, as `ckseq.report.replication.Card.sentence`; empty without one.

    Returns
    -------
    MethodsText
        What the record does not hold is left out, or is named in ``to_add``.
    """
    noun = noun_of(run)
    sentences = [
        *_data(run, predictions, noun),
        *preprocessing_sentences(run.store.pipeline if run.store else {}, kind=run.value("input") or ""),
        *_length(run, noun),
        *model_sentences(run),
        *_published(run, follows),
        *_protocol(run, noun),
        *_statistics(run, predictions, interval_method, confidence, noun),
        _software(run),
    ]
    written = tuple(f"{sentence[:1].upper()}{sentence[1:]}." for sentence in sentences)
    return MethodsText(written, tuple(_to_add(run, predictions)))


def _data(run: RunRecord, predictions: Predictions, noun: Noun) -> list[str]:
    tested = {row.recording: row for row in predictions.rows}
    others = set(run.train_only).union(*(fold.validation for fold in run.folds)) - set(tested)
    origin = _DATA.get((run.store.origin if run.store else None) or "")
    people = f" of {counted(len({row.subject for row in tested.values()}), 'subject')}" if predictions.subjects else ""
    n = noun.counted(len(tested) + len(others))
    whole, from_ = f"{n}{'' if others else people}", f" from {origin}" if origin else ""
    if run.predicts_units:
        units = ", ".join(predictions.labels)
        sentences = [
            f"We detected {counted(len(predictions.labels), 'facial action unit')} ({units}) in {whole}{from_}"
        ]
    else:
        classes = _counts(run, tested, predictions.labels)
        sentences = [
            f"We classified {whole}{from_} into {counted(len(predictions.labels), 'class', 'classes')} ({classes})"
        ]
    if others:
        sentences.append(f"{noun.counted(len(tested))}{people} {'was' if len(tested) == 1 else 'were'} tested")
    sentences += [_without_counts(note, predictions.labels).rstrip(".") for note in run.balance_notes]
    if run.value("calibration") == "neutral":
        sentences.append("Landmarks were taken relative to a neutral recording of each subject")
    return sentences


def _without_counts(note: str, labels: tuple[str, ...]) -> str:
    """Return a note without the numbers of all classes at its end, which are in the sentence before.

    >>> _without_counts("all sequences, not balanced: anger 8, fear 7", ("anger", "fear"))
    'all sequences, not balanced'
    """
    what, colon, counts = note.rpartition(": ")
    listed = [one.rpartition(" ")[0] for one in counts.split(", ")]
    return what if colon and listed == list(labels) else note


def _counts(run: RunRecord, tested: dict[str, Prediction], labels: tuple[str, ...]) -> str:
    """Return every class with its number, where the record knows that of all sequences."""
    protocol = run.protocol
    counts = Counter(row.truth for row in tested.values())
    if run.train_only:
        if not protocol.train_counts or protocol.n_folds > 1:
            return ", ".join(labels)
        for part in (protocol.train_counts, protocol.validation_counts):
            counts.update(part)
    return ", ".join(f"{label} {counts[label]}" for label in labels)


def _length(run: RunRecord, noun: Noun) -> list[str]:
    length = run.value("sequence.length_frames")
    if noun.one != "sequence" or not length:
        return []
    short = "stretched by linear interpolation" if run.value("sequence.short") == "stretch" else "padded with zeros"
    longer = {
        "drop": "longer ones were left out",
        "cut_start": "longer ones lost their first frames",
        "cut_end": "longer ones lost their last frames",
        "resample": "longer ones were resampled by linear interpolation",
    }.get(run.value("sequence.overflow") or "")
    if length == "longest":
        return [f"Sequences were {short} to the length of the longest"]
    both = f"; {longer}" if longer else ""
    return [f"Sequences shorter than {length} frames of motion were {short}{both}"]


def _published(run: RunRecord, follows: str) -> list[str]:
    citation = str(run.value("published.citation") or "").rstrip(".")
    return [f"The set-up follows a published one: {citation}", follows] if follows and citation else []


def _protocol(run: RunRecord, noun: Noun) -> list[str]:
    protocol, n_test = run.protocol, run.protocol.n_test
    validated = n_validation(run)
    n = f"{noun.counted(protocol.n_train)} for training{f', {validated} for validation' if validated else ''}"
    n += f" and {n_test} for testing"
    match protocol.kind:
        case "paper_split":
            how = f"A random split regardless of subjects gave {n}"
        case "subject_holdout":
            how = f"A split by subject gave {n}"
        case "given":
            how = f"The split published with the data set gave {n}"
        case "leave_one_subject_out":
            how = f"Models were tested by leave-one-subject-out cross-validation ({counted(protocol.n_folds, 'fold')})"
        case "subject_k_fold":
            how = f"Models were tested by {protocol.n_folds}-fold cross-validation, folds divided by subject"
        case "stratified_k_fold":
            folds = f"{protocol.n_folds}-fold cross-validation"
            how = f"Models were tested by {folds}, stratified by class regardless of subjects"
        case _:
            how = f"Models were tested on {counted(protocol.n_folds, 'fold')}, {n}"
    if swapped := swapped_parts(run):
        how += f"; models were {swapped}"
    sentences = [how, *([protocol.sentence] if protocol.sentence else [])]
    if run.kind == "nested_search":
        sentences.append(
            "Hyperparameters were searched on the training side of each fold alone (nested cross-validation)"
        )
    if run.seeds and not run.ready_made:
        several = len(run.seeds) > 1
        seeds = ", ".join(map(str, run.seeds))
        sentences.append(f"Training was repeated with the seeds {seeds}" if several else f"The random seed was {seeds}")
    return sentences


def _statistics(
    run: RunRecord, predictions: Predictions, interval_method: str, confidence: float, noun: Noun
) -> list[str]:
    level = percent(confidence)
    if run.predicts_units:
        baselines = ["The mean over the units is compared with those of baselines without motion on the same folds"]
        by_people = interval_method == "bootstrap_by_subject"
        over = "subjects" if by_people else f"{noun.many}, of too few subjects to tell of new people"
        pairs = ", of pairs of sequences tested in the same fold," if len(run.folds) > 1 else ","
        return [
            f"Each unit was scored by the area under the ROC curve{pairs} which does not depend on its prevalence "
            f"[@jeni2013], with {level} confidence intervals by a bootstrap over {over} [@davison1997], {N_DRAWS} "
            "draws",
            *(baselines if run.unit_baselines else []),
        ]
    if interval_method == "bootstrap_by_subject":
        how = f"a bootstrap over subjects [@davison1997], {N_DRAWS} draws"
    else:
        how = f"Wilson's score interval [@wilson1927], which counts every {noun.one} as independent"
    sentences = [f"Accuracy is given with a {level} confidence interval by {how}"]
    if len(predictions.seeds) > 1:
        sentences.append("Scores are means over the seeds")
    # of single images of unknown people no other baseline applies
    alone = noun == IMAGE and run.leakage is not None and len(run.leakage.rules) == 1
    if run.leakage and not alone:
        sentences.append(
            f"{all_kinds(noun, many=True)} were trained and tested on the same folds, and compared with the class "
            "prior by the exact one-sided McNemar test [@mcnemar1947]"
        )
    elif alone:
        sentences.append("The class prior of the training set was tested as a pixel-free baseline")
    return sentences


def _software(run: RunRecord) -> str:
    networks = () if run.model is None or run.model.n_parameters is not None else ("tensorflow", "keras")
    known = {name: one for name, one in run.versions.items() if name not in ("ckseq", *networks)}
    others = [f"{_NAMES.get(name, name)} {one}" for name, one in known.items()]
    with_ = f" with {', '.join(others)}" if others else ""
    device = f" ({run.device})" if run.device else ""
    return f"All computations used ckseq {run.ckseq_version} [@ckseq]{with_}{device}"


def _to_add(run: RunRecord, predictions: Predictions) -> list[str]:
    found = []
    if run.state != "complete":
        found.append("that the run is not complete: these results are not final")
    if not run.store or run.store.origin in (None, "other"):
        found.append("name, source and license of the data set")
    elif run.store.origin == "ckplus_layout":
        found.append(
            "whether the data are a part of CK+, and which: they are laid out or named like it, and some class has "
            "fewer sequences than there, or more"
        )
    if predictions.subjects is None:
        found.append("the number of subjects, and whether one is in training and test: the run does not know them")
    if not run.store or run.store.origin != "synthetic":
        found.append("how people consented, and who labeled the data")
    found.append("whether settings were chosen while looking at these test results, and how many were tried")
    return found
