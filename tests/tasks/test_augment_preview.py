import cv2
import pytest
from made_stills import write_folders

from ckseq.errors import CallError, DataError
from ckseq.tasks.augment_preview import augment_preview
from ckseq.tasks.preprocess import preprocess


@pytest.fixture
def store(tmp_path, console):
    data = write_folders(tmp_path / "faces", codes=(0, 2))
    preprocess(data, pipeline="still_64_rgb", out=tmp_path / "s.h5", jobs=1, console=console)
    return tmp_path / "s.h5"


def preview(store, out, console, experiment="color_faces", **more):
    given = {"images": 3, "variations": 4, "settings": [], "seed": None, **more}
    return augment_preview(store, experiment=experiment, out=out, console=console, **given)


def test_the_sheet_is_drawn_the_same_for_the_same_seed(tmp_path, store, console):
    said = preview(store, tmp_path / "a.png", console)
    assert said["recordings"] == ["anger_0", "fear_0", "anger_1"]  # the classes in turn
    assert said["augmentation"]["mirror"] == 0.5
    preview(store, tmp_path / "b.png", console)
    preview(store, tmp_path / "c.png", console, seed=2)
    one, same, other = ((tmp_path / name).read_bytes() for name in ("a.png", "b.png", "c.png"))
    assert one == same != other
    height, width = cv2.imread(str(tmp_path / "a.png")).shape[:2]
    assert width > height


def test_an_experiment_that_varies_nothing_is_refused(tmp_path, store, console):
    with pytest.raises(CallError, match="'fer2013_small' augments no images"):
        preview(store, tmp_path / "a.png", console, experiment="fer2013_small")
    with pytest.raises(CallError, match="'motion' augments no images"):
        preview(store, tmp_path / "a.png", console, experiment="motion")


def test_a_full_disk_or_wrong_place_is_one_line(tmp_path, store, console):
    (tmp_path / "file").write_text("x")
    with pytest.raises(DataError, match="cannot be written"):
        preview(store, tmp_path / "file" / "a.png", console)
