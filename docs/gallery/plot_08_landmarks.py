"""
How landmarks move in each expression
=====================================

The pipeline ``landmarks`` finds points of the face in every frame and registers them to a mean face. One blue line is
the mean path of one point from where it began, in units of the mean face; the orange line is the mean of all.
"""

import matplotlib.pyplot as plt
import numpy as np

import ckseq

X, y, groups, ids = ckseq.load_xy("twin.h5", length=24, input="landmarks")
points = X[..., :-3, 0]  # (n, time, 2, points): registered x and y; the last three columns are the pose
print(X.shape)

labels = sorted(set(y))
figure, axes = plt.subplots(1, len(labels), figsize=(2.2 * len(labels), 3), sharey=True, squeeze=False)
for axis, label in zip(axes[0], labels, strict=True):
    own = points[y == label]
    moved = np.linalg.norm(own - own[:, :1], axis=2).mean(axis=0)  # (time, points)
    axis.plot(moved, color="C0", alpha=0.15)
    axis.plot(moved.mean(axis=1), color="C1", linewidth=2)
    axis.set_title(label)
    axis.set_xlabel("time step")
axes[0, 0].set_ylabel("mean displacement of a point")
figure.tight_layout()
