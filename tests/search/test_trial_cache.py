"""The cache of a search: what killed processes left in it goes with the next store."""

from ckseq.search.trial_cache import TrialCache
from ckseq.storage.lock import locked


def test_what_killed_processes_left_is_removed_and_what_others_make_is_not(tmp_path):
    stores = tmp_path / "stores"
    for name in ("killed.12.h5", "interrupted.13.h5", "at_work.14.h5"):
        (stores / f"{name}.parts").mkdir(parents=True)
        (stores / f"{name}.parts" / "r1.h5").touch()
        (stores / f".{name}.x.tmp").touch()
    (stores / ".killed.12.h5.lock").touch()
    (stores / "finished.h5").touch()
    with locked(stores / "at_work.14.h5"):
        TrialCache(tmp_path, 10**9, 1)._remove_leftovers(stores)
        left = {path.name for path in stores.iterdir()}
    assert left == {"at_work.14.h5.parts", ".at_work.14.h5.lock", ".at_work.14.h5.x.tmp", "finished.h5"}
