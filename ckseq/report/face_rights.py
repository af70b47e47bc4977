"""Whose faces a report may show: everybody's, nobody's, or those of CK+ that may be published."""

from __future__ import annotations

from typing import NamedTuple

from ckseq.recording import Origin
from ckseq.sources._ckplus_faces import CREDIT, PUBLISHABLE, is_named_as_recording, is_publishable
from ckseq.storage.recorded import RECORDED
from ckseq.storage.run_record import RunRecord
from ckseq.twin.about import SYNTHETIC

_WHO = ", ".join(f"S{number}" for number in PUBLISHABLE)


class FaceRights(NamedTuple):
    """Whose faces a report shows.

    Parameters
    ----------
    faces : bool
        Whether it shows any.
    origin : str
        Whose they are; CK+ allows pictures of a few subjects to be published.
    everybody : bool
        Whether the faces of its other subjects are shown nevertheless.
    """

    faces: bool
    origin: Origin = "other"
    everybody: bool = False

    @property
    def restricted(self) -> bool:
        """Whether the faces of some subjects are left out."""
        return self.faces and self.origin in ("ckplus", "ckplus_layout") and not self.everybody

    def shows(self, subject: str) -> bool:
        """Return whether the face of a subject may be shown."""
        return self.faces and (not self.restricted or is_publishable(subject))

    @property
    def sentence(self) -> str:
        """What stands below every picture with faces."""
        if not self.faces:
            return ""
        if self.origin == "synthetic":
            return "The faces are drawn and show nobody."
        if self.origin not in ("ckplus", "ckplus_layout"):
            return "Face images: check your data set’s license before you publish this page."
        if self.everybody:
            return f"Faces of CK+ ({CREDIT}): do not publish this page. Only pictures of {_WHO} may be published."
        return f"Faces: {CREDIT}. Only those subjects of CK+ are shown whose pictures may be published ({_WHO})."


def rights_of(run: RunRecord, *, faces: bool, everybody: bool) -> FaceRights:
    """Return whose faces the report of a run may show.

    Parameters
    ----------
    run : RunRecord
    faces : bool
        Whether faces are wanted.
    everybody : bool
        Whether also those are wanted whose pictures may not be published.
    """
    return FaceRights(faces, _origin_of(run), everybody)


def _origin_of(run: RunRecord) -> Origin:
    """Return whose faces a run was made from; one of an earlier version is told by its notes and its recordings."""
    if run.store is not None and run.store.origin is not None:
        return run.store.origin
    if SYNTHETIC in run.notes:
        return "synthetic"
    if RECORDED in run.notes:
        return "recorded"
    return "ckplus" if any(map(is_named_as_recording, run.tested)) else "other"
