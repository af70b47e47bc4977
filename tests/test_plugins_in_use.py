"""What uses a run made by plug-ins executes their code only if a person names it, on the command line."""

import shutil

import made_cluster
import made_people
import pytest
from made_plugins import DETECTOR, MODEL, fresh, new_process  # noqa: F401  (a fixture)
from made_stores import RIDGE, make_recipe

import ckseq
from ckseq.cli.main import cli
from ckseq.errors import CallError
from ckseq.tasks.preprocess import preprocess

pytestmark = [pytest.mark.usefixtures("fresh"), pytest.mark.slow]
PIPELINE = """
[detector]
kind = "./middle.py"
[faces]
side_px = 24
[motion]
reference = "neutral"
difference = "signed"
threshold = 10
erosion_px = 1
running_frames = 200
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A trained model, a cross-validation with its models, and their data; plug-ins that leave a mark when executed."""
    folder = tmp_path_factory.mktemp("made")
    made_people.moving_squares(folder)
    mark = f"\nfrom pathlib import Path\n\nPath({str(folder / 'mark')!r}).touch()\n"
    for name, text in (("middle", DETECTOR), ("scaled", MODEL)):
        (folder / f"{name}.py").write_text(text + mark)
    pipeline, recipe = make_recipe(folder, PIPELINE, "own"), RIDGE.replace('"ridge"', '"./scaled.py"')
    with new_process():
        store = ckseq.preprocess(folder / "all.csv", out=folder / "store.h5", pipeline=pipeline)
        recipe = make_recipe(folder, recipe.replace('"paper"', f'"{pipeline}"').replace("= 9", "= 5"))
        ckseq.train(store, out=folder / "run", experiment=recipe, settings={"protocol.kind": "subject_holdout"})
        ckseq.crossval(store, out=folder / "cv", experiment=recipe, keep_models=True)
    return folder


COMMANDS = {
    "predict": "predict run frames/p1_fear --json",
    "live": "live run --port 0 --json",
    "explain": "explain cv P1_fear --no-faces --json",
    "export": "export run --format onnx",
    "reproduce": "reproduce run",
}


@pytest.mark.parametrize("command", COMMANDS)
def test_code_runs_only_where_it_is_named(command, made, monkeypatch, capsys):
    (made / "mark").unlink(missing_ok=True)
    monkeypatch.chdir(made)
    served = []
    if command == "live":
        monkeypatch.setattr("uvicorn.Server.run", lambda self, sockets: served.append(sockets))
    words = COMMANDS[command].split()
    with pytest.raises(CallError, match=r"needs the plug-in (scaled|middle)\.py.*--plugin FILE"):
        cli.main(words, standalone_mode=False)
    assert not (made / "mark").exists()
    assert not served
    named = [*words, "--plugin", "scaled.py", "--plugin", "middle.py"]
    if command == "export":
        with pytest.raises(CallError, match="only networks can be exported"):
            cli.main(named, standalone_mode=False)
    else:
        assert not cli.main(named, standalone_mode=False)
    assert (made / "mark").exists()
    assert bool(served) == (command == "live")


def test_workers_of_a_cluster_load_them_for_themselves(made, cluster, tmp_path, console, monkeypatch):
    address = made_cluster.ready(cluster).scheduler_info(n_workers=0)["address"]
    monkeypatch.chdir(made)
    preprocess(made / "all.csv", pipeline="own.toml", out=tmp_path / "store.h5", on=f"dask:{address}", console=console)
    assert (tmp_path / "store.h5").read_bytes() == (made / "store.h5").read_bytes()
    words = ["crossval", "store.h5", "--experiment", "small.toml", "--out", str(tmp_path / "cv"), "--no-explain"]
    assert not cli.main([*words, "--on", f"dask:{address}", "--quiet"], standalone_mode=False)
    assert (tmp_path / "cv" / "predictions.csv").read_bytes() == (made / "cv" / "predictions.csv").read_bytes()


def test_a_worker_without_the_file_says_so(made, cluster, tmp_path, console, monkeypatch):
    """As on a machine with other folders: the file is gone once this process has loaded it."""
    address = made_cluster.ready(cluster).scheduler_info(n_workers=0)["address"]
    folder = tmp_path / "gone"
    folder.mkdir()
    for name in ("own.toml", "middle.py"):
        shutil.copy(made / name, folder)
    from ckseq.preprocessing import pipeline

    load = pipeline.load_pipeline

    def load_and_lose(*args, **more):
        found = load(*args, **more)
        (folder / "middle.py").unlink()
        return found

    monkeypatch.setattr("ckseq.tasks.preprocess.load_pipeline", load_and_lose)
    with pytest.raises(CallError, match="has no such plug-in; copy it to the same path on every machine"):
        preprocess(
            made / "all.csv",
            pipeline=str(folder / "own.toml"),
            out=tmp_path / "s.h5",
            on=f"dask:{address}",
            console=console,
        )
