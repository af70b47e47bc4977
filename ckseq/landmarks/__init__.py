"""From a frame to the landmarks of a face; each file is one kind of landmarks, and ends in a `LandmarkSpec`."""
