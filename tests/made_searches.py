"""A small search over recipes that take no time to train."""

from ckseq.tasks.tune import tune

PIPELINE = """
[detector]
kind = "whole_frame"
[faces]
side_px = 24
[align]
method = "translation"
[motion]
difference = "absolute"
threshold = 10
erosion_px = 1
"""
EXPERIMENT = """
pipeline = "pipeline.toml"
[sequence]
length_frames = 5
[protocol]
kind = "subject_holdout"
[model]
kind = "ridge"
"""


def search_file(folder, search):
    """Write the recipes ``pipeline.toml`` and ``mine.toml``, and the search ``small`` over them; return its path."""
    (folder / "pipeline.toml").write_text(PIPELINE)
    (folder / "mine.toml").write_text(EXPERIMENT)
    path = folder / "search_small.toml"
    path.write_text(search)
    return path


def run(data, search, out, console, **options):
    """Run the search."""
    given = {"storage": None, "study": None, "trials": None, "jobs": 1, "heartbeat_s": 5.0, **options}
    return tune(data, search=str(search), out=out, console=console, **given)
