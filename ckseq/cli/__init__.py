"""The command line: parses options, calls tasks, prints results and errors; nothing else."""
