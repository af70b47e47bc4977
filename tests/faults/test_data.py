"""Damaged data sets: the same numbers as of the undamaged ones, or a word about each that differs, and no hang."""

import os
import resource
import shutil
from collections import Counter

import numpy as np
import pytest
from made_faults import (
    BYTES,
    PIXELS,
    PLACES,
    SOURCES,
    TABLES,
    _two_labels,
    chosen,
    prepare,
    recipe_in,
    silent_differences,
)

from ckseq.errors import CkseqError

pytestmark = pytest.mark.skipif(os.name != "posix", reason="FIFOs and links are POSIX's")
FEW = int(os.environ.get("CKSEQ_FAULTS", "24"))
IMAGES = {".png", ".jpg"}
# formats in which a changed byte may be as valid as the one before
WITHOUT_CHECKSUM = {".txt", ".csv", ".avi", ".mp4", ".jpg"}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("faults")


@pytest.fixture(scope="module")
def recipes(place):
    return {
        "fer2013": recipe_in(place, difference="none"),
        "tracked": recipe_in(place, policy="tracked"),
        "anchor": recipe_in(place, policy="anchor"),
        "smoothed": recipe_in(place, policy="smoothed"),
        "every_frame": recipe_in(place),
    }


@pytest.fixture(scope="module")
def undamaged(place, recipes):
    """The data sets as they are made, and what is prepared of each by each recipe."""
    found = {}
    for name, make in SOURCES.items():
        root = place / name
        make(root)
        own = ["fer2013"] if name == "fer2013" else ["every_frame", "anchor", "tracked", "smoothed"]
        found[name] = {recipe: prepare(root, recipes[recipe], place / "before.h5") for recipe in own}
        assert all(prepared and not prepared.failed for prepared in found[name].values())
    return found


def campaign(place, recipes, undamaged, source, damage, seeds):
    """Damage copies of a data set and count the outcomes; ``damage`` returns whether any change has to be named."""
    outcomes = Counter()
    peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for seed in seeds:
        rng = np.random.default_rng([seed, len(source)])
        root = place / "damaged" / source
        shutil.copytree(place / source, root)
        try:
            must_be_named = damage(rng, root)
            recipe = str(rng.choice(sorted(undamaged[source])))
            before = undamaged[source][recipe]
            after = prepare(root, recipes[recipe], place / "after.h5")
            silent = silent_differences(before, after) if must_be_named else []
            assert not silent, f"{source} {seed} {recipe}: {silent}; said: {after.said}"
            outcomes["the same" if before == after else "named"] += 1
        except CkseqError:
            outcomes["refused"] += 1
        except Exception as error:
            raise AssertionError(f"{source}, seed {seed}: {error!r}") from error
        finally:
            shutil.rmtree(root)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak_kb < 1_000_000
    print(source, dict(outcomes))
    return outcomes


def damaged_bytes(rng, root):
    path = chosen(rng, root)
    kind = str(rng.choice(sorted(BYTES)))
    path.write_bytes(BYTES[kind](rng, path.read_bytes()))
    return not (path.suffix in WITHOUT_CHECKSUM and kind in ("flipped", "overwritten", "truncated", "doubled"))


def damaged_place(rng, root):
    path = chosen(rng, root)
    kind = str(rng.choice(sorted(PLACES)))
    PLACES[kind](rng, path, root)
    # a recording of another name is another recording
    return path.suffix in IMAGES if kind.endswith("name") else path.suffix != ".zip"


def damaged_pixels(rng, root):
    path = chosen(rng, root, endings=IMAGES)
    PIXELS[str(rng.choice(sorted(PIXELS)))](rng, path, root)
    return True


def damaged_table(rng, root):
    path = chosen(rng, root, endings={".csv"})
    kind = str(rng.choice(sorted(TABLES)))
    path.write_bytes(TABLES[kind](rng, path.read_text()).encode(errors="surrogateescape"))
    return kind in ("bom", "crlf", "cr", "no_end")


def damaged_directory(rng, root):
    path = chosen(rng, root, endings={".zip"})
    data = bytearray(path.read_bytes())
    start = data.index(b"PK\x01\x02")
    data[int(rng.integers(start, len(data)))] ^= 1 << int(rng.integers(8))
    path.write_bytes(data)
    return True


@pytest.mark.parametrize("source", SOURCES)
def test_damaged_bytes(source, place, recipes, undamaged):
    campaign(place, recipes, undamaged, source, damaged_bytes, range(FEW))


@pytest.mark.parametrize("source", SOURCES)
def test_what_is_no_file(source, place, recipes, undamaged):
    campaign(place, recipes, undamaged, source, damaged_place, range(FEW // 2))


@pytest.mark.parametrize("source", ["ckplus", "class_folders", "jpegs", "manifest"])
def test_frames_that_do_not_belong(source, place, recipes, undamaged):
    campaign(place, recipes, undamaged, source, damaged_pixels, range(FEW // 2))


@pytest.mark.parametrize("source", ["manifest", "fer2013"])
def test_tables(source, place, recipes, undamaged):
    campaign(place, recipes, undamaged, source, damaged_table, range(FEW * 2))


def test_the_directory_of_a_zip(place, recipes, undamaged):
    outcomes = campaign(place, recipes, undamaged, "ckplus_zips", damaged_directory, range(FEW * 2))
    assert outcomes["refused"] > outcomes.total() // 3


@pytest.mark.parametrize("source", ["class_folders", "jpegs", "videos"])
def test_one_recording_under_two_labels_is_named(source, place, recipes, undamaged):
    def damage(rng, root):
        _two_labels(rng, chosen(rng, root), root)
        return True

    outcomes = campaign(place, recipes, undamaged, source, damage, range(3))
    assert outcomes == {"named": 3}


@pytest.mark.slow
@pytest.mark.skipif("CKSEQ_FAULTS" not in os.environ, reason="takes minutes; make faults runs it")
@pytest.mark.parametrize("source", SOURCES)
def test_thousands(source, place, recipes, undamaged):
    campaign(place, recipes, undamaged, source, damaged_bytes, range(1000, 1200))
    campaign(place, recipes, undamaged, source, damaged_place, range(1000, 1050))
    if source in ("manifest", "fer2013"):
        campaign(place, recipes, undamaged, source, damaged_table, range(1000, 1200))
    if source == "ckplus_zips":
        campaign(place, recipes, undamaged, source, damaged_directory, range(1000, 1400))
    if source in ("ckplus", "class_folders", "jpegs", "manifest"):
        campaign(place, recipes, undamaged, source, damaged_pixels, range(1000, 1100))
