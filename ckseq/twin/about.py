"""How a synthetic data set says that it is one."""

from __future__ import annotations

SYNTHETIC = "A synthetic twin of CK+, drawn by ckseq."
"""The first line of its ABOUT.txt, which every store and run made from it repeats among its notes."""
