"""The public interface in Python: `ckseq.__all__` lists its names, and the command line calls the same tasks."""
