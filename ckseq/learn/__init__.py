"""Fitting and predicting: with models, the only room that may import TensorFlow."""
