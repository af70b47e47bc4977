"""
Augmenting projections
======================

Shifts, scalings, other speeds and strengths of the motion, as ``[augmentation]`` of an experiment draws them anew in
every epoch: what inaccurate boxes and other people would show.
"""

import matplotlib.pyplot as plt
import numpy as np

import ckseq
from ckseq.signal.augment import AugmentConfig, augment

X, y, groups, ids = ckseq.load_xy("twin.h5", length=24)
config = AugmentConfig(shift_px=20, scale=0.1, time_stretch=0.3, mirror=0.5, gain=0.4)
rng = np.random.default_rng(0)

figure, axes = plt.subplots(1, 5, figsize=(12, 2.8), sharey=True)
versions = [X[0], *(augment(X[:1], config, rng=rng)[0] for _ in range(4))]
for number, (axis, one) in enumerate(zip(axes, versions, strict=True)):
    axis.imshow(one[:, 0].sum(axis=-1), aspect="auto")
    axis.set_title(f"version {number}" if number else "original")
    axis.set_xlabel("column")
axes[0].set_ylabel("time step")
figure.tight_layout()
