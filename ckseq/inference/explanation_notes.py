"""What a reader of explanations must know: what occlusion can tell, and which recordings were explained."""

from __future__ import annotations

from collections.abc import Sequence

from ckseq.grammar import agreeing, counted
from ckseq.storage.explanations import ExplainedRecording
from ckseq.storage.run_record import RunRecord


def explanation_notes(
    recordings: Sequence[ExplainedRecording],
    record: RunRecord,
    *,
    has_film: bool,
    has_bands: bool,
    has_landmarks: bool,
) -> tuple[str, ...]:
    """Return what explanations of a run can tell and cannot, depending on what its model reads.

    Parameters
    ----------
    recordings : sequence of ExplainedRecording
    record : RunRecord
    has_film, has_bands, has_landmarks : bool
        Whether the store keeps blobs, and whether the model reads projections, and landmarks with gradients.
    """
    notes = ["occlusion shows what the model relies on; where two regions tell the same, stilling one costs little"]
    if has_bands:
        bands = "the maps of rows and columns show bands, not points: projections hold no points"
        exact = "the face map and the regions are exact: the blob film is emptied there and projected again"
        lacks = "without blobs in the store there is no map of points and regions; prepare it with reduce.keep_blobs"
        notes += [bands, exact if has_film else lacks]
    if has_landmarks and has_bands:
        joint = (
            "what is kept from moving is kept so in all that the model reads: blobs, landmarks and gradients; these "
            "two are then as at the start of the sequence, with their noise"
        )
        alone = (
            "without blobs a region is kept from moving in landmarks and gradients only, and its motion stays in the "
            "projections"
        )
        cells = (
            "a cell of the gradients is as wide as a fifth of the face box: by gradients, what lies in one cell or in "
            "those beside it cannot be told apart"
        )
        notes += [joint, *([] if has_film else [alone]), cells]
    n_typical = sum(one.placed_by != "landmarks" for one in recordings)
    if n_typical:
        notes.append(f"no landmarks were found in {n_typical} first frames: regions at fixed fractions of the box")
    if not_all := len(record.tested) - len({one.recording for one in recordings if one.held_out}):
        notes.append(f"{counted(not_all, 'test sequence')} of the run {agreeing(not_all, 'is', 'are')} not explained")
    n_seen = sum(not one.held_out for one in recordings)
    if n_seen:
        notes.append(f"{n_seen} explained recordings are not of the run's test part; the model may have seen them")
    return tuple(notes)
