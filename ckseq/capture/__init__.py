"""From a person before a camera, or from video files, to labeled clips from neutral to apex."""
