"""Reports: a run folder becomes tables, figures and an HTML page; needs neither TensorFlow nor dlib."""
