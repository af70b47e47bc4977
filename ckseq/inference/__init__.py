"""From a run and a photo, a video or a camera to predictions."""
