"""
A score with scikit-learn
=========================

``load_xy`` returns arrays and the subject of each sequence; ``GroupKFold`` keeps each subject in one fold.
"""

import matplotlib.pyplot as plt
from sklearn.linear_model import RidgeClassifierCV
from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline

import ckseq

X, y, groups, ids = ckseq.load_xy("twin.h5", length=24)
print(X.shape, len(set(groups)), "subjects")

model = make_pipeline(ckseq.Projections(), RidgeClassifierCV())
predicted = cross_val_predict(model, X, y, groups=groups, cv=GroupKFold(4))

figure, axis = plt.subplots(figsize=(6, 5))
ConfusionMatrixDisplay.from_predictions(y, predicted, ax=axis, colorbar=False, xticks_rotation=45)
axis.set_title(f"accuracy {(predicted == y).mean():.2f}, people held out")
figure.tight_layout()
