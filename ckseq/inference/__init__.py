"""From a run and a photo, a video or a camera to predictions: inputs, the predictor, what is predicted and saved."""
