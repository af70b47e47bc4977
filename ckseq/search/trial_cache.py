"""The cache of a search: face crops by stage and whole stores by pipeline, shared by its trials and processes."""

from __future__ import annotations

import os
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from ckseq.config import digest
from ckseq.console import Console
from ckseq.executors.local import LocalExecutor
from ckseq.preprocessing.stages import STAGE_VERSION
from ckseq.preprocessing.store_builder import prepare_all, remove_leftovers
from ckseq.search.inner_folds import SearchData
from ckseq.search.space import Recipes
from ckseq.search.trial_facts import PreprocessingFacts
from ckseq.storage.cache import Cache, touch, trim


@dataclass(frozen=True)
class TrialCache:
    """A folder, its size limit, and the number of processes that preprocess recordings."""

    folder: Path
    limit_bytes: int
    jobs: int

    def prepare(self, recipes: Recipes, data: SearchData) -> tuple[Path, PreprocessingFacts]:
        """Return the store of a pipeline's tensors, made on a cache miss, and the facts about its preprocessing.

        A hit counts under the stage ``store``; on a miss the crops may still be served, as ``aligned`` or ``faces``.
        """
        start = time.perf_counter()
        # only models of blobs need blobs, and packing them takes longer than computing them
        reduce = recipes.pipeline.reduce.model_copy(update={"keep_blobs": recipes.experiment.input == "blobs"})
        pipeline = recipes.pipeline.model_copy(update={"reduce": reduce})
        sources = [[one.id, data.source_digests[one.id]] for one in data.recordings]
        path = self.folder / "stores" / f"{digest(STAGE_VERSION, pipeline, sources)}.h5"
        served: Counter[str] = Counter()
        if path.is_file():
            touch(path)
            served["store"] = len(data.recordings)
        else:
            own = path.with_name(f"{path.stem}.{os.getpid()}.h5")
            self._remove_leftovers(path.parent)
            tally = prepare_all(
                data.recordings,
                pipeline,
                own,
                notes=list(data.notes),
                source_digests=data.source_digests,
                cache=Cache(self.folder),
                passing=True,
                executor=LocalExecutor(self.jobs),
                console=Console(quiet=True),
            )
            own.replace(path)
            served.update(tally.served)
            self.trim()
        seconds = round(time.perf_counter() - start, 3)
        return path, {"seconds": seconds, "recordings": len(data.recordings), "served": dict(served)}

    @staticmethod
    def _remove_leftovers(stores: Path) -> None:
        """Remove what processes left that were killed while they prepared; those at work hold the lock of theirs."""
        locks = [path.name.removeprefix(".").removesuffix(".lock") for path in stores.glob(".*.h5.lock")]
        parts = [path.name.removesuffix(".parts") for path in stores.glob("*.h5.parts")]
        for name in {*locks, *parts}:
            remove_leftovers(stores / name)

    def trim(self) -> int:
        """Remove the least recently used files beyond the limit; return the remaining size, bytes."""
        return trim(self.folder, self.limit_bytes)
