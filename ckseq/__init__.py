"""ckseq classifies video sequences of faces by how they move."""

__version__ = "0.1.0"
