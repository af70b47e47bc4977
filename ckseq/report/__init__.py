"""From a run folder to pictures and pages; needs neither TensorFlow nor dlib."""
