"""One file per verb of the command line; the only room that knows paths, progress bars and clocks."""
