"""The contract of a source: sorted recordings, the same every time, no pixel read, and clear errors."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from ckseq.contracts.check import require
from ckseq.errors import CkseqError
from ckseq.recording import Problem, Recording
from ckseq.sources._spec import SourceSpec


class SourceContract:
    """The checks of a source, in `checks`.

    Parameters
    ----------
    spec : SourceSpec
    data : Path, optional
        A data set that it reads; without one only what it does with other data is checked.
    """

    def __init__(self, spec: SourceSpec, data: Path | None = None) -> None:
        self.spec, self.data = spec, data

    @property
    def checks(self) -> tuple[Callable[[], None], ...]:
        """All checks, in the order in which they should be run."""
        always = (self.describes_itself, self.leaves_other_data_alone)
        return (
            always if self.data is None else (*always, self.recognizes, self.scans, self.repeats_itself, self.problems)
        )

    @cached_property
    def _recordings(self) -> list[Recording]:
        assert self.data is not None
        return self.spec.scan(self.data)

    def describes_itself(self) -> None:
        """Name and ``looks_for`` are one line each."""
        for text in (self.spec.name, self.spec.looks_for):
            require(bool(text.strip()) and "\n" not in text, f"{text!r} is not one line")

    def leaves_other_data_alone(self) -> None:
        """What it does not know is not recognized, and scanning it is an error with a place and a remedy."""
        with tempfile.TemporaryDirectory() as folder:
            for root in (Path(folder), Path(folder) / "none"):
                require(not self.spec.recognizes(root), f"{root} is recognized")
                try:
                    self.spec.scan(root)
                except CkseqError as error:
                    require(bool(error.where and error.fix), f"the error has no place or no remedy: {error}")
                    require("\n" not in str(error), "the error has several lines")
                else:
                    require(False, "scanning an empty folder is no error")

    def recognizes(self) -> None:
        """It recognizes the data."""
        assert self.data is not None
        require(self.spec.recognizes(self.data), f"{self.data} is not recognized")

    def scans(self) -> None:
        """Recordings have distinct ids of letters, digits and ``_ - .``, are sorted by them, and name a person."""
        found = self._recordings
        require(bool(found), "there are none")
        require(all(isinstance(one, Recording) for one in found), "something else than a Recording is returned")
        ids = [one.id for one in found]
        require(ids == sorted(set(ids)), "ids are not distinct and sorted")
        odd = [id for id in ids if not re.fullmatch(r"[\w.-]+", id)]
        require(not odd, f"an id has other characters: {odd[:1]}")
        require(all(one.subject and one.session for one in found), "a subject or session is empty")

    def repeats_itself(self) -> None:
        """A second scan gives the same."""
        assert self.data is not None
        require(self.spec.scan(self.data) == self._recordings, "it gives something else")

    def problems(self) -> None:
        """Every problem has a remedy."""
        assert self.data is not None
        found = self.spec.problems(self.data)
        require(all(isinstance(one, Problem) and one.remedy for one in found), "one has none")
