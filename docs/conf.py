"""The documentation site; ``make docs`` builds it without a network, and a warning is an error."""

import os
import sys
import warnings
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "_ext"), str(HERE.parent)]
os.environ.setdefault("MPLBACKEND", "agg")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import ckseq  # noqa: E402

project = "ckseq"
author = "The ckseq authors"
copyright = author
release = version = ckseq.__version__

extensions = [
    "ckseq_docs",
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx_click",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "gallery", "notebooks"]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
autodoc_typehints = "none"  # the docstrings have types, with shapes
autodoc_member_order = "bysource"

html_theme = "pydata_sphinx_theme"
html_title = "ckseq"
html_static_path = ["_static"]
html_css_files = ["ckseq.css"]
html_show_sourcelink = False
html_sidebars = {page: [] for page in ("index", "start", "protocols", "limits")}  # they have no pages below them
smartquotes = False  # options begin with two hyphens
html_theme_options = {
    "navigation_with_keys": False,
    "show_nav_level": 1,
    "header_links_before_dropdown": 6,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}

sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "auto_gallery",
    "filename_pattern": r"/plot_",
    "within_subsection_order": "FileNameSortKey",
    "download_all_examples": False,
    "show_memory": False,
    "write_computation_times": False,  # its pages load from the network
    "min_reported_time": 30,
    "abort_on_example_error": True,
    "remove_config_comments": True,
    "image_scrapers": ("matplotlib",),
    "reset_modules": ("matplotlib",),
    "copyfile_regex": r"",
}
warnings.filterwarnings("ignore", category=UserWarning, message=".*non-interactive.*")
