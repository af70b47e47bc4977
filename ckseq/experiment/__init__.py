"""From a recipe and a store to a run: the dataset, its folds, the training of each, the record of it all."""
