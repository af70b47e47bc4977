"""Explanations: where and when in a face a model sees its evidence, and how well that agrees with FACS; arrays only."""
