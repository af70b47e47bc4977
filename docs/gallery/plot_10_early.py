"""
How much of an expression is needed
===================================

The accuracy of ridge regression when only the beginning of each sequence is seen, with people held out.
"""

import matplotlib.pyplot as plt
from sklearn.linear_model import RidgeClassifierCV
from sklearn.model_selection import GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline

import ckseq

X, y, groups, ids = ckseq.load_xy("twin.h5", length=24)
seen = range(4, 25, 4)
model = make_pipeline(ckseq.Projections(parts=4), RidgeClassifierCV())
scores = [cross_val_score(model, X[:, :steps], y, groups=groups, cv=GroupKFold(4)).mean() for steps in seen]

figure, axis = plt.subplots(figsize=(6, 3))
axis.plot([steps / 24 for steps in seen], scores, "o-")
axis.axhline(1 / len(set(y)), color="gray", linestyle=":", label="chance")
axis.set(xlabel="share of the sequence that is seen", ylabel="accuracy", ylim=(0, 1), xlim=(0, 1.02))
axis.legend()
figure.tight_layout()
