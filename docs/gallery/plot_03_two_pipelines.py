"""
The paper's pipeline and ours on one sequence
=============================================

``paper`` subtracts each frame from the one before, modulo 256; ``anchored`` removes drift and flicker and compares with
the first face. The same sequence, six frames of each.
"""

import matplotlib.pyplot as plt
import numpy as np

import ckseq

happy = next(one for one in ckseq.scan("twin") if one.label == "happiness")
figure, axes = plt.subplots(2, 6, figsize=(12, 4.4))
for row, pipeline in zip(axes, ("paper", "anchored"), strict=True):
    blobs = ckseq.prepare([happy], pipeline=pipeline)[happy.id]["blobs"]
    seen = blobs if blobs.ndim == 3 else blobs[..., :2].any(axis=-1)
    for axis, step in zip(row, np.linspace(0, len(seen) - 1, 6).round().astype(int), strict=True):
        axis.imshow(seen[step], cmap="gray", vmin=0, vmax=1)
        axis.set_title(f"step {step + 1}")
        axis.axis("off")
    row[0].set_title(f"{pipeline}: step 1")
figure.tight_layout()
