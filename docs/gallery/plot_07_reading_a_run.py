"""
Reading a run
=============

A run keeps its predictions; every score and figure is computed from them. Here: how sure the model was, and whether it
was right.
"""

import matplotlib.pyplot as plt

import ckseq

run = ckseq.load_run("cv")
print(run.headline)

labels = run.predictions.labels
sure = [max(row.probabilities) for row in run.predictions.rows]
right = [row.truth == row.predicted for row in run.predictions.rows]

figure, axis = plt.subplots(figsize=(7, 3))
bins = [place / 10 for place in range(11)]
axis.hist(
    [[p for p, ok in zip(sure, right, strict=True) if ok is wanted] for wanted in (True, False)],
    bins=bins,
    stacked=True,
    label=["right", "wrong"],
)
axis.set(xlabel="probability of the predicted class", ylabel="test sequences")
axis.legend()
figure.tight_layout()
