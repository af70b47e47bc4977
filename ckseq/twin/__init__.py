"""A synthetic twin of CK+: drawn faces, moved by action units, in the layout of the real data set."""
