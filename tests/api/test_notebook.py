"""The notebook: at most 15 lines of code from a folder to two cross-validated scores, executed cell by cell."""

import ast
import json
from pathlib import Path

import numpy as np
import pytest

NOTEBOOK = Path(__file__).parents[2] / "docs" / "notebooks" / "from_folder_to_score.ipynb"


def code_cells():
    tree = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    assert (tree["nbformat"], all(not cell.get("outputs") for cell in tree["cells"])) == (4, True)
    return ["".join(cell["source"]) for cell in tree["cells"] if cell["cell_type"] == "code"]


def executed(cell, names):
    """Execute a cell as a notebook does, and return the value of its last line where that is an expression."""
    *before, last = ast.parse(cell).body
    exec(compile(ast.Module(before, []), "cell", "exec"), names)
    if isinstance(last, ast.Expr):
        return eval(compile(ast.Expression(last.value), "cell", "eval"), names)
    exec(compile(ast.Module([last], []), "cell", "exec"), names)
    return None


@pytest.mark.slow
def test_from_a_folder_to_two_scores_in_fifteen_lines(twin, tmp_path, monkeypatch):
    cells = code_cells()
    assert sum(bool(line.strip()) for cell in cells for line in cell.splitlines()) <= 15
    (tmp_path / "data").symlink_to(twin)
    monkeypatch.chdir(tmp_path)
    names = {}
    recordings, shape, with_sklearn, with_aeon = [executed(cell, names) for cell in cells]
    assert "12 recordings" in recordings._repr_html_()
    assert shape == (12, 24, 2, 134, 3)
    # two classes of drawn faces; 0.5 is chance
    assert min(with_sklearn, with_aeon) > 0.7
    assert np.isfinite(names["X"]).all()
