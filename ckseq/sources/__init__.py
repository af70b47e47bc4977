"""From a place on disk to recordings: one file per layout, each ending in its ``SPEC``, a `SourceSpec`.

No pixel is read in this room.
"""
