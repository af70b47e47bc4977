"""The search for a better recipe: everything around Optuna."""
