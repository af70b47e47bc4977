"""``ckseq augment-preview``: a contact sheet of augmented training images."""

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
from ckseq.experiment.targets import check_classes
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
    """Draw some images of a store, each next to augmented versions of it by the experiment's config.

    Parameters
    ----------
    store : Path
        With crops.
    experiment : str
        An experiment's name or path.
    out : Path
        The PNG file to write.
    images, variations : int
        Number of rows, the classes in turn, and of columns.
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
        The experiment reads no images, or does not augment them.
    DataError
        The store lacks data for the experiment.
    """
    recipe = load_experiment(experiment, settings)
    check_classes(recipe, "augment-preview")
    seed = recipe.seed if seed is None else seed
    config = recipe.image_augmentation
    if recipe.input not in ("crops", "features") or config.changes_nothing:
        raise CallError(
            f"the experiment {recipe.name!r} augments no images",
            fix='name one with input = "crops" or "features" and an [image_augmentation]',
        )
    with open_store(store) as opened:
        chosen = choose(opened, recipe)
        by_label = [[entry for entry in chosen.entries if entry.label == label] for label in chosen.labels]
        in_turn = [entry for turn in zip_longest(*by_label) for entry in turn if entry is not None]
        shown = in_turn[:images]
        x = np.asarray(stream(opened, shown, "crops", recipe.sequence))
    # the middle frame of a sequence
    stills = x if x.ndim == 4 else x[:, x.shape[1] // 2]
    rows = []
    for number, (entry, image) in enumerate(zip(shown, stills, strict=True)):
        copies = np.repeat(image[np.newaxis], variations, axis=0)
        varied = augment_images(copies, config, rng=np.random.default_rng([seed, number]))
        # gray images are drawn without their channel axis
        gray = image.shape[-1] == 1
        rows.append(Varied(str(entry.label), image[..., 0] if gray else image, varied[..., 0] if gray else varied))
    write_bytes(out, draw_variations(rows))
    console.say(f"{len(rows)} images, {variations} variations of each, in {out}")
    return {
        "schema": 1,
        "picture": str(out),
        "recordings": [entry.id for entry in shown],
        "augmentation": config.model_dump(mode="json"),
        "seed": seed,
    }
