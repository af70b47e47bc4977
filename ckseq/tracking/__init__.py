"""State from frame to frame: the box of a face, its alignment and motion, several faces, their classes over time."""
