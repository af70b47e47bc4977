"""``ckseq augment-preview``: what training sees of some images, as a contact sheet."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np

from ckseq.console import Console
from ckseq.errors import CallError
from ckseq.experiment.dataset import choose
from ckseq.experiment.recipe import load_experiment
from ckseq.report.variations import Varied, draw_variations
from ckseq.signal.augment_images import augment_images
from ckseq.storage.files import write_bytes
from ckseq.storage.store import open_store
from ckseq.storage.streaming import stream


def augment_preview(
    store: Path,
    *,
    experiment: str,
    out: Path,
    images: int,
    variations: int,
    settings: Sequence[str],
    seed: int | None,
    console: Console,
) -> dict[str, Any]:
    """Draw some images of a store, each beside variations of it as the experiment's augmentation makes them.

    Parameters
    ----------
    store : Path
        Prepared with a pipeline that keeps crops.
    experiment : str
        An experiment's name or path.
    out : Path
        The PNG file to write.
    images, variations : int
        Rows, the classes in turn, and columns.
    settings : sequence of str
        ``section.key=value`` for the experiment's fields.
    seed : int, optional
        Instead of the experiment's own.
    console : Console

    Returns
    -------
    dict
        ``schema``, ``picture``, ``recordings``, ``augmentation`` (every field), ``seed``.

    Raises
    ------
    CallError
        The experiment reads no images, or varies none.
    DataError
        The store has too little for the experiment.
    """
    recipe = load_experiment(experiment, settings)
    seed = recipe.seed if seed is None else seed
    config = recipe.image_augmentation
    if recipe.input != "crops" or config.changes_nothing:
        raise CallError(
            f"the experiment {recipe.name!r} varies no images",
            fix='name one with input = "crops" and an [image_augmentation]',
        )
    with open_store(store) as opened:
        chosen = choose(opened, recipe)
        by_label = [[entry for entry in chosen.entries if entry.label == label] for label in chosen.labels]
        in_turn = [entry for turn in zip_longest(*by_label) for entry in turn if entry is not None]
        taken = in_turn[:images]
        x = np.asarray(stream(opened, taken, "crops", recipe.sequence))
    # of a sequence its middle frame
    stills = x if x.ndim == 4 else x[:, x.shape[1] // 2]
    rows = []
    for number, (entry, image) in enumerate(zip(taken, stills, strict=True)):
        copies = np.repeat(image[np.newaxis], variations, axis=0)
        varied = augment_images(copies, config, rng=np.random.default_rng([seed, number]))
        # gray images are shown without their axis of channels
        gray = image.shape[-1] == 1
        rows.append(Varied(str(entry.label), image[..., 0] if gray else image, varied[..., 0] if gray else varied))
    write_bytes(out, draw_variations(rows))
    console.say(f"{len(rows)} images, {variations} variations of each, in {out}")
    return {
        "schema": 1,
        "picture": str(out),
        "recordings": [entry.id for entry in taken],
        "augmentation": config.model_dump(mode="json"),
        "seed": seed,
    }
