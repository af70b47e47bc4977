"""What became of all recordings together, in a memory that does not hold every one of them."""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from ckseq.grammar import agreeing, counted
from ckseq.preprocessing.results import Result
from ckseq.recording import Recording
from ckseq.tracking.quality import Doubt, doubts

_NAMED = 5


@dataclass
class Named:
    """The first few of some names, and how many there are."""

    first: list[str] = field(default_factory=list)
    n: int = 0

    def add(self, name: str) -> None:
        """Add a name."""
        self.n += 1
        if len(self.first) < _NAMED:
            self.first.append(name)

    def __str__(self) -> str:
        more = f" and {self.n - _NAMED} more" if self.n > _NAMED else ""
        return ", ".join(self.first) + more

    @property
    def counted(self) -> str:
        """The number of recordings."""
        return f"{self.n} recording{'s' if self.n > 1 else ''}"


def named(items: Iterable[str]) -> str:
    """Return the first few of some names, and how many more there are."""
    found = Named()
    for item in items:
        found.add(item)
    return str(found)


class Tally:
    """Sums over results, and what has to be said of single ones.

    ``n_frames`` were read, ``n_kept`` are in the store; ``failed`` are the reasons by id, ``doubtful`` those of
    sequences that are, ``served`` how many recordings each stage of a cache served; of every other recording 16 bytes
    are kept.
    """

    def __init__(self) -> None:
        self.n = self.n_frames = self.n_dropped = self.n_kept = self.n_from_before = self.n_from_cache = 0
        self.failed: dict[str, str] = {}
        self.doubtful: dict[str, list[Doubt]] = {}
        self.served: Counter[str] = Counter()
        self._dropped = Named()
        self._notes: dict[str, Named] = defaultdict(Named)
        # the digests of the frames of labeled recordings, and which these are
        self._contents, self._places = array("Q"), array("Q")

    def add(self, results: Sequence[Result], recordings: Sequence[Recording] = ()) -> None:
        """Add results, in the order of the recordings that they are of, where these are known."""
        for place, recording in enumerate(recordings, start=self.n):
            content = results[place - self.n].content
            if content and recording.label is not None:
                self._contents.append(int(content[:16], 16))
                self._places.append(place)
        for result in results:
            self._add(result)

    def _add(self, one: Result) -> None:
        self.n += 1
        self.n_frames += one.n_frames
        self.n_from_before += one.from_before
        self.n_from_cache += bool(one.from_cache)
        self.served.update(one.from_cache)
        if one.quality is not None and one.quality.n_dropped:
            self._dropped.add(one.id)
            self.n_dropped += one.quality.n_dropped
        if one.error:
            self.failed[one.id] = one.error
            return
        self.n_kept += one.n_frames - (one.quality.n_dropped if one.quality is not None else 0)
        if one.note:
            self._notes[one.note].add(one.id)
        if one.quality is not None and (found := doubts(one.quality)):
            self.doubtful[one.id] = found

    def notes(self, recordings: Sequence[Recording]) -> list[str]:
        """Return a line for each kind of oddity, with the recordings, all that were added, of which it is true."""
        notes = [f"{note} in {ids.counted}: {ids}" for note, ids in sorted(self._notes.items())]
        return notes + self._contradictions(recordings)

    def _contradictions(self, recordings: Sequence[Recording]) -> list[str]:
        """Return a note on the recordings that hold the same frames under different labels."""
        contents, places = np.array(self._contents, np.uint64), np.array(self._places, np.int64)
        _, which, counts = np.unique(contents, return_inverse=True, return_counts=True)
        alike: dict[int, list[Recording]] = defaultdict(list)
        for at in np.flatnonzero(counts[which] > 1):
            alike[int(which[at])].append(recordings[places[at]])
        doubled = [same for same in alike.values() if len({one.label for one in same}) > 1]
        if not doubled:
            return []
        pairs = (" and ".join(f"{one.id} ({one.label})" for one in same) for same in doubled)
        return [f"the same frames under different labels: {named(pairs)}"]

    def dropped_line(self) -> str:
        """Return one line on the sequences that begin without a face; empty where there are none."""
        if not self._dropped.n:
            return ""
        frames, were = counted(self.n_dropped, "frame"), agreeing(self.n_dropped, "was", "were")
        return f"{frames} before the first face {were} dropped in {self._dropped.counted}: {self._dropped}"

    def doubt_line(self) -> str:
        """Return one line on the doubtful recordings; empty where there are none."""
        if not self.doubtful:
            return ""
        reasons = (f"{id} ({'; '.join(doubt.what for doubt in found)})" for id, found in self.doubtful.items())
        are = "1 is" if len(self.doubtful) == 1 else f"{len(self.doubtful)} are"
        return f"of {self.n} recordings {are} doubtful: {named(reasons)}; reports list them with what to do"
