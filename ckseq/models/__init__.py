"""From a shape to a network or an estimator: one file per model, each with ``Config`` and ``build``."""
