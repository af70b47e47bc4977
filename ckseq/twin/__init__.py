"""The synthetic data set: drawn faces, moved by action units, in the layout of CK+."""
