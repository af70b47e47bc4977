"""Wrong calls from Python: each is an error that says what to do; and what is obvious is accepted."""

import re
from pathlib import Path

import numpy as np
import pytest
from made_stores import made_recordings, make_store

import ckseq
from ckseq.api.log_console import LogConsole

PAPER = {"pipeline": "paper", "settings": {"detector.kind": "whole_frame", "faces.side_px": 32}}
FRAMES = np.zeros((4, 30, 30), np.uint8)


@pytest.fixture(scope="module")
def there(twin, tmp_path_factory):
    """What is there in each namespace of a call, by name."""
    folder = tmp_path_factory.mktemp("wrong")
    store = make_store(folder, made_recordings(n_subjects=4))
    (folder / "faces.csv").write_text("emotion,pixels,Usage\n")
    (folder / "run").mkdir()
    data = ckseq.scan(twin)
    return {
        "ckseq": ckseq, "np": np, "Path": Path, "FRAMES": FRAMES, "twin": twin, "data": data, "store": store,
        "folder": folder, "out": folder / "out", "xy": ckseq.load_xy(store, length=5),
        "prepared": ckseq.prepare(data[:2], **PAPER), "PAPER": PAPER,
    }  # fmt: skip


WRONG = [
    ("ckseq.scan(None)", "data is None, not a path; give the path of a folder"),
    ("ckseq.scan([])", "data is a list, not a path"),
    ("ckseq.scan('nowhere')", "there is no such folder or file; check the path"),
    ("ckseq.scan(twin, source=3)", "source is an int; give a name"),
    ("ckseq.scan(twin, source='ckpluss')", "did you mean 'ckplus'"),
    ("ckseq.scan(store)", "is a store, not a data set; open it with ckseq.open_store(...) or ckseq.load_xy(...)"),
    ("ckseq.preprocess(store, out=out)", "is a store, not a data set; open it with ckseq.open_store(...)"),
    (
        "ckseq.prepare(FRAMES, settings={'motion.threshold': -1})",
        "settings motion.threshold: threshold = -1: input should be greater",
    ),
    ("ckseq.prepare(None)", "data is None; give recordings, or the frames of one sequence"),
    ("ckseq.prepare([])", "there is nothing to prepare; give recordings"),
    ("ckseq.prepare(twin)", "is a path, not recordings; scan it: ckseq.prepare(ckseq.scan(PATH))"),
    ("ckseq.prepare([str(twin)])", "data holds paths; scan them"),
    ("ckseq.prepare([data[0], FRAMES])", "data holds recordings and a ndarray; give one or the other"),
    ("ckseq.prepare(FRAMES[0])", "frames are (h, w) or (h, w, 3) arrays of uint8"),
    ("ckseq.prepare(FRAMES.astype(float))", "frames are (h, w) or (h, w, 3) arrays of uint8"),
    ("ckseq.prepare(FRAMES, pipeline='papr')", "did you mean 'paper'"),
    ("ckseq.prepare(FRAMES, pipeline=None)", "pipeline is None; give a name, or the path of a file"),
    ("ckseq.prepare(FRAMES, settings=['motion.threshold=3'])", "settings are a list; give a dict"),
    ("ckseq.prepare(FRAMES, settings={'motion.threshold': object()})", "motion.threshold is an object; give a number"),
    ("ckseq.prepare(FRAMES, settings={'motion.treshold': 3})", "did you mean 'threshold'"),
    ("ckseq.prepare(FRAMES, jobs=0)", "jobs = 0; give a number of processes, or -1"),
    ("ckseq.prepare(FRAMES, jobs='2')", "jobs = '2'; give a number of processes"),
    ("ckseq.prepare(FRAMES, progress=True)", "progress is a bool; give a function"),
    ("ckseq.preprocess(None, out=out)", "data is None, not a path; give the path of a data set"),
    ("ckseq.preprocess('nowhere', out=out)", "there is no such folder or file"),
    ("ckseq.preprocess(twin, out=None)", "out is None, not a path; give the path of the store to write"),
    ("ckseq.preprocess(twin, out=folder)", "is a folder, and a store is a file; name a file in it"),
    ("ckseq.preprocess(twin, out=folder / 'faces.csv', overwrite=True)", "exists and is not a store; choose another"),
    ("ckseq.preprocess(twin, out=out, jobs=0)", "jobs = 0"),
    (
        "ckseq.preprocess(twin, out=store)",
        "choose another out=, or replace it with overwrite=True",
    ),
    ("ckseq.preprocess(twin, out=store, append=True, overwrite=True)", "append=True and overwrite=True exclude each"),
    ("ckseq.open_store(None)", "store is None, not a path"),
    ("ckseq.open_store(folder / 'faces.csv')", "faces.csv: is a table, not a store; make a store with 'ckseq prep"),
    ("ckseq.open_store(store.with_name('stor.h5'))", "there is no such store; did you mean"),
    ("ckseq.open_store(folder)", "is a folder, not a store; name the store in it"),
    ("ckseq.open_store(twin)", "is a folder, not a store; if it is a data set: make a store with"),
    (
        "ckseq.load_xy(data)",
        "store is a DataSet, not prepared; prepare it: ckseq.load_xy(ckseq.prepare(data))",
    ),
    ("ckseq.load_xy(data[0])", "store is a Recording, not prepared"),
    ("ckseq.load_xy(xy)", "store is an XY, not a path; score arrays with scikit-learn"),
    (
        "ckseq.load_xy(store, input='landmark')",
        "input = 'landmark' is not known; allowed: projections, landmarks, fused",
    ),
    ("ckseq.train(xy, out=out)", "store is an XY, not a path; score arrays with scikit-learn: cross_val_score("),
    ("ckseq.train(xy.X, out=out)", "store is a ndarray, not a path; score arrays with scikit-learn"),
    ("ckseq.train(prepared, out=out)", "these arrays are in memory only: write a store with ckseq.preprocess("),
    ("ckseq.train(data, out=out)", "prepare it first: ckseq.preprocess(data.path, out='STORE.h5')"),
    ("ckseq.train(twin, out=out)", "is a folder, not a store"),
    ("ckseq.train(store, out=None)", "out is None, not a path; give the path of the run folder"),
    ("ckseq.train(store, out=out, experiment='defaut')", "did you mean 'default'"),
    ("ckseq.train(store, out=out, experiment=None)", "experiment is None; give a name"),
    ("ckseq.train(store, out=out, seed=-1)", "seed = -1; give a whole number from 0 on"),
    ("ckseq.train(store, out=out, seed='a')", "seed = 'a'; give a whole number"),
    ("ckseq.crossval(xy, out=out)", "score arrays with scikit-learn"),
    ("ckseq.crossval(None, out=out)", "store is None, not a path; give the path of a store that ckseq.preprocess made"),
    ("ckseq.crossval(store, out=out, seeds=0)", "seeds = 0; give a whole number from 1 on"),
    ("ckseq.crossval(store, out=out, jobs=0)", "jobs = 0"),
    ("ckseq.crossval(store, out=out, settings={'model': {'kindd': 'svm'}})", "kindd is not a known key"),
    ("ckseq.load_run(None)", "run is None, not a path; give the path of a run folder"),
    ("ckseq.load_run('nowhere')", "there is no such folder"),
    ("ckseq.load_run(folder / 'run')", "is not a run: it holds no run.json"),
    ("ckseq.load_run(folder, plugins='none.py')", "there is no such plug-in"),
    ("ckseq.Projections(output='vector').fit(xy.X)", "output = 'vector' is neither 'vectors' nor 'series'"),
    ("ckseq.Projections(parts=0).fit(xy.X)", "parts = 0 and pool = 3 must be 1 or more"),
    ("ckseq.Projections().fit(xy)", "X is the result of load_xy, not an array; give its first part"),
]


@pytest.mark.parametrize(("call", "message"), WRONG)
def test_a_wrong_call_is_an_error_that_says_what_to_do(there, call, message):
    # scikit-learn's conventions ask its transformers for ValueError
    kind = ValueError if "Projections" in call else (ckseq.CallError, ckseq.DataError)
    with pytest.raises(kind, match=re.escape(message)) as caught:
        eval(call, there)
    assert kind is ValueError or caught.value.fix
    assert not there["out"].exists()


def test_a_run_refuses_what_is_no_input(expressions):
    run = ckseq.load_run(expressions)
    for source, message in (
        (None, "source is None; give a path, a recording, or an array of frames"),
        (3, "source is an int"),
        (ckseq.Box(1, 2, 3, 4, 0.5)[0], "source is an int"),
        ([], "there are no frames"),
        (["a.mp4"], "frames are"),
        (FRAMES.astype(float), "frames are"),
    ):
        with pytest.raises((ckseq.CallError, ckseq.DataError), match=re.escape(message)):
            run.predict(source)
    with pytest.raises(ckseq.DataError, match=r"^nowhere\.mp4: does not exist; check the path$"):
        run.predict("nowhere.mp4")
    with pytest.raises(ckseq.CallError, match="read_as = 'sequenc' is not known; allowed: auto, sequence, timeline"):
        run.predict("nowhere.mp4", read_as="sequenc")
    with pytest.raises(ckseq.CallError, match="neutral is an int, not a path"):
        run.predict(FRAMES, neutral=3)
    with pytest.raises(ckseq.DataError, match="there is no such store"):
        run.report(store="nowhere.h5")
    with pytest.raises(ckseq.CallError, match="units is an int, not a path"):
        run.report(units=3)
    with pytest.raises(ckseq.DataError, match=r"is a run, not a store; name the store that it was made from: .*\.h5"):
        ckseq.open_store(expressions)


def test_errors_and_logs_name_arguments_not_options(there, expressions, caplog):
    store = there["store"]
    with pytest.raises(ckseq.CallError, match="it is complete; overwrite=True replaces it; or name another out="):
        ckseq.train(store, out=expressions)
    with pytest.raises(ckseq.CallError, match=r"^overwrite=True and resume=True exclude each other"):
        ckseq.crossval(store, out=there["out"], overwrite=True, resume=True)
    with pytest.raises(ckseq.CallError, match="neutral= is for runs with calibration = neutral"):
        ckseq.load_run(expressions).predict(FRAMES, neutral=there["twin"] / "cohn-kanade-images" / "S005" / "001")
    caplog.set_level("INFO", "ckseq")
    LogConsole().warn("try --set training.restarts=3")
    assert caplog.messages == ["try settings={'training.restarts': 3}"]
    # each function and method of the interface that may raise such an error passes through that boundary
    for name in ("crossval", "load_run", "load_xy", "open_store", "prepare", "preprocess", "scan", "train"):
        assert getattr(ckseq, name).__wrapped__


def test_what_is_obvious_is_accepted(there, expressions, tmp_path):
    data, store = there["data"], there["store"]
    alone = ckseq.prepare(data[0], **PAPER)
    np.testing.assert_array_equal(alone["projections"], there["prepared"][data[0].id]["projections"])
    assert list(ckseq.prepare(iter(data[:1]), **PAPER)) == [data[0].id]
    nested = {"detector": {"kind": "whole_frame"}, "faces": {"side_px": np.int64(32)}}
    np.testing.assert_array_equal(
        ckseq.prepare(data[0], pipeline="paper", settings=nested)["projections"], alone["projections"]
    )
    assert ckseq.scan(data) is data
    with ckseq.open_store(store) as opened:
        assert ckseq.open_store(opened) is opened
    run = ckseq.load_run(str(expressions))
    assert ckseq.load_run(run) is run
    recording = next(one for one in ckseq.scan(expressions.parent) if one.label == "joy")
    assert run.predict(recording).probabilities == run.predict(recording.frames.paths[0].parent).probabilities
    with ckseq.preprocess(data, out=tmp_path / "s.h5", jobs=1, **PAPER) as made:
        assert len(made.entries) == len(data)
    assert ckseq.ImageFiles(["a/1.png", "a/2.png"]) == ckseq.ImageFiles([Path("a/1.png"), Path("a/2.png")])
    assert ckseq.ImageFiles("a/1.png").paths == (Path("a/1.png"),)
