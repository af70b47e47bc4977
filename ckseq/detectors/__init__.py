"""From an image to face boxes: one file per detector.

Every module has ``Config`` and ``load(config) -> Detector``, a callable from a (h, w) uint8 image to a list of
``Box`` in the detector's own order.
"""
