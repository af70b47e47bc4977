import pytest
from made_runs import answering, made_predictions, made_run

from ckseq.errors import CallError, DataError
from ckseq.storage.predictions import Predictions, write_predictions
from ckseq.storage.run_record import write_run
from ckseq.tasks.rank import rank


def write(folder, n_wrong, model, digest="one", seeds=(1, 2, 3)):
    once = made_predictions()
    rows = [
        answering(row, "disgust" if place < n_wrong + seed else row.truth, once.labels)._replace(seed=seed)
        for seed in seeds
        for place, row in enumerate(once.rows)
    ]
    predictions = Predictions(once.labels, tuple(rows))
    store = {"path": "store.h5", "digest": digest, "pipeline": {}}
    write_run(folder, made_run(once, kind="cross_validation", seeds=seeds, model={"kind": model}, store=store))
    write_predictions(folder, predictions)
    return folder


def test_models_are_ranked_over_data_sets_and_seeds(tmp_path, console):
    paths = [
        write(tmp_path / f"{model}-{digest}", n, model, digest)
        for digest in ("one", "two")
        for model, n in (("gru", 5), ("svm", 1), ("ridge", 9))
    ]
    found = rank(paths, picture=tmp_path / "cd.png", console=console)
    assert [one["model"] for one in found["models"]] == ["paper_phase4 svm", "paper_phase4 gru", "paper_phase4 ridge"]
    assert [one["mean_rank"] for one in found["models"]] == [1, 2, 3]
    assert (len(found["blocks"]), found["notes"]) == (6, [])
    assert found["alike"] == [["paper_phase4 svm", "paper_phase4 gru"], ["paper_phase4 gru", "paper_phase4 ridge"]]
    assert (tmp_path / "cd.png").read_bytes().startswith(b"\x89PNG")


def test_seeds_alone_say_so_and_what_is_not_common_is_left_out(tmp_path, console):
    paths = [write(tmp_path / model, n, model) for model, n in (("gru", 5), ("svm", 1))]
    paths.append(write(tmp_path / "ridge", 9, "ridge", seeds=(1, 2)))
    found = rank(paths, picture=None, console=console)
    assert len(found["blocks"]) == 2
    assert "these data only" in found["notes"][0]
    assert found["notes"][1].startswith("2 results are left out")


def test_what_cannot_be_ranked_is_refused(tmp_path, console):
    one, two = write(tmp_path / "a", 5, "gru"), write(tmp_path / "b", 5, "gru")
    with pytest.raises(CallError, match="has two results for the same data"):
        rank([one, two], picture=None, console=console)
    with pytest.raises(DataError, match="1 models on 3 data sets"):
        rank([one], picture=None, console=console)
