"""
Faces that show no person
=========================

The synthetic data set has CK+'s layout: each sequence begins with a neutral face and ends at the apex of an expression.
"""

import matplotlib.pyplot as plt

import ckseq

store = ckseq.open_store("twin.h5")
entries = {entry.label: entry for entry in store.entries if entry.label}

figure, axes = plt.subplots(2, len(entries), figsize=(2 * len(entries), 4.4), squeeze=False)
for (label, entry), column in zip(sorted(entries.items()), axes.T, strict=True):
    first, last = store.faces(entry.id)
    for axis, face in zip(column, (first, last), strict=True):
        axis.imshow(face, cmap="gray")
        axis.axis("off")
    column[0].set_title(label)
figure.suptitle("First frame above, last frame below")
figure.tight_layout()
