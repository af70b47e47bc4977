"""
Why people must be held out
===========================

Who is this? One nearest neighbor on the first face alone, before anything moves, recognizes most people of a random
split. A classifier of expressions can use that, where the same people are in training and test: its accuracy then says
nothing about new people.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier

import ckseq

store = ckseq.open_store("twin.h5")
entries = [entry for entry in store.entries if entry.label]
first = np.stack([store.faces(entry.id)[0][::8, ::8].ravel() for entry in entries]).astype(float)
subject = np.array([entry.subject for entry in entries])

random_split = StratifiedKFold(4, shuffle=True, random_state=0)
recognized = cross_val_score(KNeighborsClassifier(1), first, subject, cv=random_split).mean()
chance = 1 / len(set(subject))

figure, axis = plt.subplots(figsize=(6, 2.4))
axis.barh(["chance", "first face alone"], [chance, recognized])
axis.set(xlim=(0, 1), xlabel="share of test sequences whose person is recognized, random split")
figure.tight_layout()
print(f"{recognized:.0%} of the sequences are assigned to the right one of {len(set(subject))} people.")
