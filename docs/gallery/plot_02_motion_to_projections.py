"""
From frames to projections
==========================

The face is cut out, compared with the first frame, and what changed becomes a binary image (blobs). The mean of every
column and of every row of it are the projections: 2 x 267 numbers a frame instead of 71,289.
"""

import matplotlib.pyplot as plt

import ckseq

recordings = ckseq.scan("twin")
surprise = next(one for one in recordings if one.label == "surprise")
arrays = ckseq.prepare([surprise], pipeline="anchored")[surprise.id]
blobs, projections = arrays["blobs"], arrays["projections"]
print({name: array.shape for name, array in arrays.items()})

figure, axes = plt.subplots(1, 4, figsize=(12, 3.2))
axes[0].imshow(arrays["faces"][-1], cmap="gray")
axes[0].set_title("last face")
axes[1].imshow(blobs[-1, :, :, 0] + 2 * blobs[-1, :, :, 1], cmap="gray")
axes[1].set_title("blobs: brighter, darker")
for axis, row, name in ((axes[2], 0, "column means over time"), (axes[3], 1, "row means over time")):
    axis.imshow(projections[:, row].sum(axis=-1), aspect="auto")
    axis.set_title(name)
    axis.set_xlabel("column" if row == 0 else "row")
    axis.set_ylabel("time step")
for axis in axes[:2]:
    axis.axis("off")
figure.tight_layout()
