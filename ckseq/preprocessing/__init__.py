"""From recordings to a store: the pipeline recipe, its stages, and the work on all cores."""
