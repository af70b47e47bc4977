"""State from frame to frame: the box of a face, its alignment, its motion, several faces, a timeline."""
