"""Samplers are checked before a search begins."""

import pytest

pytest.importorskip("optuna")

from ckseq.errors import CallError
from ckseq.search.samplers import check_sampler


@pytest.mark.parametrize(("name", "package"), [("gp", "torch"), ("cmaes", "cmaes")])
def test_a_sampler_whose_package_is_missing_is_refused_before_anything_begins(name, package, monkeypatch):
    monkeypatch.setattr("ckseq.search.samplers.find_spec", lambda asked: None if asked == package else asked)
    with pytest.raises(CallError, match=rf"the sampler {name} needs the package {package}; pip install 'ckseq\["):
        check_sampler(name, n_objectives=1)
    check_sampler("tpe", n_objectives=2)
