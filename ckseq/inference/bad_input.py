"""What a bad input may raise: it is left out, and the inputs after it are processed."""

from __future__ import annotations

import cv2

from ckseq.errors import CkseqError, readable

BAD_INPUT = (CkseqError, OSError, ValueError, ArithmeticError, RuntimeError, MemoryError, cv2.error)
"""Errors of ckseq, and those of the libraries that read files; UnicodeError and RecursionError are among them."""


def one_line(error: BaseException) -> str:
    """Return what an error says as one line that can be written as UTF-8."""
    lines = readable(str(error)).split("\n")
    return lines[0].strip() or type(error).__name__


def left_out(name: str, error: BaseException) -> str:
    """Return the warning that an input is left out."""
    located = isinstance(error, CkseqError) and error.where
    return f"left out: {one_line(error)}" if located else f"{readable(name)} was left out: {one_line(error)}"
