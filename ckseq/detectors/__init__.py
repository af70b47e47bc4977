"""From an image to face boxes: one file per detector, each ending in its ``SPEC``, a `DetectorSpec`."""
