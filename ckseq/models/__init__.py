"""From an input shape to a network or an estimator: one file per model, each ending in its ``SPEC``, a `ModelSpec`."""
