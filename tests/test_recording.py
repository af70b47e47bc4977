import pickle
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from ckseq.recording import ImageFiles, Recording

NAME = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=8).filter(
    lambda name: name not in (".", "..")
)
PATHS = st.lists(st.lists(NAME, min_size=1, max_size=3).map(lambda parts: Path(*parts)), max_size=6).map(tuple)


@given(PATHS, PATHS, st.booleans())
def test_image_files_are_their_paths_whichever_folders_these_are_in(paths, others, together):
    if together:
        paths = tuple(Path("/data/S001") / path.name for path in paths)
    files = ImageFiles(paths)
    assert files.paths == paths
    assert files.n == len(paths)
    assert Recording("a", "S", "1", None, files).n_frames == len(paths)
    assert (files == ImageFiles(others)) == (paths == others)
    assert pickle.loads(pickle.dumps(files)) == files
    assert hash(ImageFiles(list(paths))) == hash(files)
