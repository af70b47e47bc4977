"""The hyperparameter search: everything around Optuna, from the search space to the exported recipe.

- what is searched: ``search_config``, ``dimension``, ``space``;
- what Optuna stores: ``study_storage``, ``study``, ``trial_facts``;
- one trial: ``samplers`` (and ``forest_sampler``) propose it, ``inner_folds``, ``trial_cache``, ``trial`` evaluate it;
- all trials: ``trial_loop`` runs them in any number of processes, ``run_search`` puts a search together;
- the best trials: ``finalists`` scores them again, ``selection`` selects one by the rule ``one_standard_error``;
- a finished search: ``results``, ``page``, ``nested``, ``export_best``.
"""
