"""The command line: options in, tasks called, results and errors printed; nothing else."""
