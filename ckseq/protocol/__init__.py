"""Protocols: folds of training and test sets, data leakage, scores and statistical tests; pure functions."""
