"""An experiment and simpler models on the same folds: what is compared, what is left out, and what is reused."""

import numpy as np
import pytest
from made_trainings import Listener

from ckseq.preprocessing.pipeline import load_pipeline
from ckseq.recording import ImageFiles, Recording
from ckseq.storage.predictions import read_predictions
from ckseq.storage.run_record import read_run
from ckseq.storage.store_writer import Prepared, assemble, write_part
from ckseq.tasks.baselines import baselines


class Headed(Listener):
    """A console that also remembers headings."""

    def heading(self, what):
        self.said.append(what)


def make_store(folder, *names):
    """Eight people; the projections tell one class from the others, the landmarks another."""
    rng, ids = np.random.default_rng(0), []
    for person in range(8):
        for code, label in enumerate(("anger", "fear", "surprise")):
            arrays = {
                "projections": rng.random((6, 2, 30, 3), dtype=np.float32) / 4,
                "landmarks": rng.normal(0, 0.02, (6, 2, 147)).astype(np.float32),
                "gradients": rng.random((6, 2, 256), dtype=np.float32) / 4,
                "crops": rng.integers(1, 250, (7, 8, 8), dtype=np.uint8),
            }
            arrays["projections"][:, :, :10] += 0.4 * (code == 0)
            arrays["landmarks"][:, 1, 10:40] += 0.2 * (code == 1)
            recording = Recording(f"S{person:03}_{code:03}", f"S{person:03}", f"{code:03}", label, ImageFiles(()))
            kept = {name: arrays[name] for name in names}
            write_part(folder, Prepared(recording, "d", "s", 7, 0, kept, None))
            ids.append(recording.id)
    out, pipeline = folder / "store.h5", load_pipeline("landmarks").model_dump(mode="json")
    assemble(folder, dict.fromkeys(sorted(ids), "d"), out, pipeline=pipeline, digest="d" * 16, notes=[])
    return out


def test_all_models_answer_the_same_sequences_and_are_tested_against_the_experiment(tmp_path):
    store, console = make_store(tmp_path, "projections", "landmarks", "gradients", "crops"), Headed()
    arguments = {"experiment": "default", "out": tmp_path / "runs", "console": console}
    result = baselines(store, **arguments)
    assert list(result["models"]) == ["default", "ridge", "minirocket", "landmarks"]
    assert set(result["left_out"]) == {"peer_fer"}
    runs = {name: tmp_path / "runs" / name for name in result["models"]}
    assert len({read_run(run).protocol.digest for run in runs.values()}) == 1
    for name, run in runs.items():
        rows = read_predictions(run).rows
        right = np.mean([row.truth == row.predicted for row in rows])
        assert result["models"][name]["accuracy"] == pytest.approx(right, abs=5e-4)
    accuracy = {name: one["accuracy"] for name, one in result["models"].items()}
    assert accuracy["default"] > max(accuracy["ridge"], accuracy["landmarks"])
    pairs = {pair["model"]: pair for pair in result["against_first"]}
    assert set(pairs) == {"ridge", "minirocket", "landmarks"}
    assert pairs["ridge"]["difference"] == pytest.approx(accuracy["ridge"] - accuracy["default"], abs=1e-3)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").rglob("*.csv")}
    again = baselines(store, **arguments)
    assert again == result
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").rglob("*.csv")} == before


def test_what_the_store_does_not_hold_is_left_out_with_the_reason(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    store, console = make_store(tmp_path, "projections"), Headed()
    settings = ["augmentation={}", "model={kind='ridge'}", "classes=['anger','fear']", "protocol.folds=4"]
    result = baselines(store, experiment="motion", out=tmp_path / "runs", settings=settings, console=console)
    assert list(result["models"]) == ["motion", "ridge"]
    assert result["left_out"] == {
        "minirocket": "since the extra minirocket is not installed",
        "landmarks": "since the store holds no landmarks",
        "peer_fer": "a ready-made model, whose file --peer names",
    }
    assert "left out: landmarks, since the store holds no landmarks" in console.said
    assert read_run(tmp_path / "runs" / "ridge").labels == ("anger", "fear")
    assert read_run(tmp_path / "runs" / "ridge").protocol.n_folds == 4
