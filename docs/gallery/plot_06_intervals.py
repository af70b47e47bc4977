"""
How wide a confidence interval must be
======================================

Wilson's interval counts every sequence as independent. Sequences of one person resemble each other, so from 10 people
on a report draws people anew (bootstrap over subjects), which is wider where people differ.
"""

import matplotlib.pyplot as plt
import numpy as np

from ckseq.protocol.intervals import accuracy_interval, wilson_interval

rng = np.random.default_rng(0)
n_each = 5
rows = []
for n_subjects in (10, 20, 40, 80):
    skill = rng.beta(4, 1, n_subjects)  # some people are easy, some are not
    right = (rng.random((n_subjects, n_each)) < skill[:, None]).ravel()
    subjects = [f"S{one:03d}" for one in range(n_subjects) for _ in range(n_each)]
    by_subject, method = accuracy_interval(right.tolist(), subjects, repeats=1, confidence=0.95)
    rows.append((n_subjects, right.mean(), wilson_interval(int(right.sum()), len(right), confidence=0.95), by_subject))

figure, axis = plt.subplots(figsize=(7, 3.4))
for place, (_, rate, wilson, bootstrap) in enumerate(rows):
    for shift, interval, color in ((-0.12, wilson, "C0"), (0.12, bootstrap, "C1")):
        axis.plot([interval.low, interval.high], [place + shift] * 2, color, linewidth=4)
    axis.plot(rate, place, "k|", markersize=16)
axis.set_yticks(range(len(rows)), [f"{n} people" for n, *_ in rows])
axis.set_xlabel("accuracy, 95 % interval: Wilson (blue), bootstrap over subjects (orange)")
figure.tight_layout()
