"""
Is one model better than another?
=================================

Two models on the same test sequences: what counts are the sequences on which they differ, and whose they are. The test
that decides in ``ckseq compare`` exchanges the models person by person.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import RidgeClassifierCV
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline

import ckseq

X, y, groups, ids = ckseq.load_xy("twin.h5", length=24)
right = {
    name: cross_val_predict(make_pipeline(ckseq.Projections(), model), X, y, groups=groups, cv=GroupKFold(4)) == y
    for name, model in {"ridge": RidgeClassifierCV(), "3 nearest neighbors": KNeighborsClassifier(3)}.items()
}
a, b = (one.astype(int) for one in right.values())
people = np.unique(groups)
by_person = np.array([(a - b)[groups == person].sum() for person in people])
rng = np.random.default_rng(0)
drawn = (rng.choice([-1, 1], (10_000, len(people))) * by_person).sum(axis=1)
p_value = (1 + (np.abs(drawn) >= abs(by_person.sum())).sum()) / (1 + len(drawn))

figure, axis = plt.subplots(figsize=(7, 3))
axis.bar(people, by_person)
axis.axhline(0, color="gray", linewidth=1)
axis.set_ylabel("sequences: ridge right alone\nminus neighbors right alone")
axis.set_title(f"{len(people)} people, p = {p_value:.2g} (permutation over subjects)")
figure.tight_layout()
print({name: f"{one.mean():.2f}" for name, one in right.items()})
