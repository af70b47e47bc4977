from dataclasses import replace
from pathlib import Path

from ckseq.preprocessing.results import Result
from ckseq.preprocessing.tally import Tally
from ckseq.recording import ImageFiles, Recording
from ckseq.tracking.quality import Quality

GOOD = Quality(0, 9, 9, True, 0.1, 0.2)


def recording(number, label="anger"):
    return Recording(f"r{number}", f"S{number}", "1", label, ImageFiles((Path(f"{number}.png"),)))


def test_sums_and_what_is_said_of_single_ones_in_several_batches():
    recordings = [recording(0), recording(1, "fear"), recording(2), recording(3, None), recording(4)]
    results = [
        Result("r0", "d", 4, "", True, ("faces",), "a" * 16, "", GOOD),
        Result("r1", "d", 5, "", False, (), "a" * 16, "odd", replace(GOOD, n_dropped=2)),
        Result("r2", "d", 6, "broken", False, (), "b" * 16, "odd", None),
        Result("r3", "d", 7, "", False, (), "b" * 16, "odd", None),
        Result("r4", "d", 8, "", True, ("faces", "aligned"), "c" * 16, "", replace(GOOD, largest_jump=0.9)),
    ]
    for n in (1, 2, 5):
        tally = Tally()
        for start in range(0, 5, n):
            tally.add(results[start : start + n], recordings[start : start + n])
        assert (tally.n, tally.n_frames, tally.n_from_before, tally.n_from_cache) == (5, 30, 2, 2)
        assert (tally.n_dropped, tally.n_kept) == (2, 22)
        assert tally.failed == {"r2": "broken"}
        assert tally.served == {"faces": 2, "aligned": 1}
        assert tally.notes(recordings) == [
            "odd in 2 recordings: r1, r3",
            # those without a label contradict nothing
            "the same frames under different labels: r0 (anger) and r1 (fear)",
        ]
        assert tally.dropped_line() == "2 frames before the first face were dropped in 1 recording: r1"
        assert tally.doubt_line().startswith("of 5 recordings 1 is doubtful: r4 (its box jumps by 0.90 of its side)")


def test_the_first_few_are_named_and_the_rest_counted():
    tally = Tally()
    tally.add([Result(f"r{number}", "d", 4, "", False, note="odd") for number in range(7)])
    assert tally.notes([]) == ["odd in 7 recordings: r0, r1, r2, r3, r4 and 2 more"]
    assert tally.doubt_line() == tally.dropped_line() == ""
