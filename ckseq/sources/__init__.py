"""From a place on disk to recordings: one file per layout; nothing here reads a pixel.

Every module has ``LOOKS_FOR`` (one line: what it needs to find), ``recognizes(root) -> bool``,
``scan(root) -> list[Recording]`` (sorted, deterministic) and ``problems(root) -> list[Problem]``.
"""
