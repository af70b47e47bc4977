"""Models, detectors and sources of others: by path, by entry point, and never by what a run says."""

import hashlib
import json
import shutil

import cv2
import numpy as np
import pytest
from made_expressions import EXPERIMENT, PIPELINE, sequence
from made_plugins import DETECTOR, MODEL, SOURCE, fresh, install, new_process  # noqa: F401  (a fixture)
from made_stores import RIDGE, made_recordings, make_recipe, make_store

import ckseq
from ckseq import plugins
from ckseq.cli.main import cli
from ckseq.console import Console
from ckseq.preprocessing.pipeline import load_pipeline
from ckseq.storage.cache import Cache
from ckseq.storage.run_record import read_run, write_run
from ckseq.tasks.preprocess import preprocess
from ckseq.tasks.report import report
from ckseq.tasks.reproduce import reproduce as repeat

pytestmark = pytest.mark.usefixtures("fresh")
BY_PATH = RIDGE.replace('"ridge"', '"./scaled.py"')


def reproduce(run, *, console):
    return repeat(run, store=None, out=None, console=console)


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


def sha256_installed(**modules):
    """That of the package of `install`: of what sha256sum prints."""
    files = {"__init__.py": "", **{f"{module}.py": text for module, text in modules.items()}}
    return sha256("".join(f"{sha256(files[name])}  {name}\n" for name in sorted(files)))


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    pipeline = load_pipeline("paper").model_dump(mode="json")
    return make_store(tmp_path_factory.mktemp("store"), made_recordings(), pipeline=pipeline)


def recipe_beside(folder, model=MODEL, text=BY_PATH):
    (folder / "scaled.py").write_text(model)
    return make_recipe(folder, text)


def test_a_model_is_found_beside_its_recipe_and_recorded(store, tmp_path, monkeypatch):
    recipe = recipe_beside(tmp_path)
    monkeypatch.chdir("/")
    run = ckseq.crossval(store, out=tmp_path / "cv", experiment=recipe)
    facts = {"name": "scaled.py", "version": "2.1", "sha256": sha256(MODEL)}
    assert run.record.experiment["model"] == {"kind": str(tmp_path / "scaled.py"), "plugin": facts, "factor": 2.0}
    assert run.record.model_kind == "scaled.py"
    assert (
        f"the model is a plug-in, not part of ckseq: scaled.py 2.1, SHA-256 {sha256(MODEL)[:12]}..." in run.record.notes
    )
    assert run.scores["accuracy"] > 0.6


def test_several_processes_load_it_for_themselves(store, tmp_path):
    recipe = recipe_beside(tmp_path)
    runs = [ckseq.crossval(store, out=tmp_path / f"cv{jobs}", experiment=recipe, jobs=jobs) for jobs in (1, 2)]
    assert runs[0].predictions == runs[1].predictions


def test_an_installed_model_is_used_by_its_name(store, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(install(tmp_path / "site", scaled=MODEL))
    by_name = ckseq.crossval(
        store, out=tmp_path / "cv", experiment=make_recipe(tmp_path, RIDGE.replace("ridge", "scaled"))
    )
    facts = {"name": "scaled", "version": "1.2", "sha256": sha256_installed(scaled=MODEL)}
    assert by_name.record.experiment["model"] == {"kind": "scaled", "plugin": facts, "factor": 2.0}
    assert by_name.record.versions["ckseq-demo-plugins"] == "1.2"
    (tmp_path / "own").mkdir()
    by_path = ckseq.crossval(store, out=tmp_path / "cv2", experiment=recipe_beside(tmp_path / "own"))
    assert by_path.predictions == by_name.predictions


def test_a_setting_of_ones_own_names_one_too(store, tmp_path, monkeypatch):
    (tmp_path / "scaled.py").write_text(MODEL)
    monkeypatch.chdir(tmp_path)
    settings = {"model.kind": "./scaled.py", "model.factor": 3.0}
    run = ckseq.crossval(store, out=tmp_path / "cv", experiment=make_recipe(tmp_path, RIDGE), settings=settings)
    assert run.record.experiment["model"]["factor"] == 3.0


def test_a_changed_file_is_another_model(store, tmp_path):
    recipe = recipe_beside(tmp_path)
    ckseq.crossval(store, out=tmp_path / "cv", experiment=recipe)
    (tmp_path / "scaled.py").write_text(MODEL + "# changed\n")
    with pytest.raises(ckseq.CallError, match=r"experiment.model.plugin.sha256 is '\w+' there and '\w+' here"):
        ckseq.crossval(store, out=tmp_path / "cv", experiment=recipe, resume=True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "there is no such plug-in; correct the path in small.toml"),
        ("def build(:", "cannot be loaded: SyntaxError"),
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("x = 1", r"ends in no SPEC; define SPEC = ModelSpec\(...\)"),
        (DETECTOR, "its SPEC is a DetectorSpec; a ModelSpec is needed here"),
    ],
)
def test_what_is_no_model_says_so(text, message, tmp_path):
    if text is not None:
        (tmp_path / "scaled.py").write_text(text)
    with pytest.raises(ckseq.CallError, match=message) as caught:
        ckseq.train(tmp_path / "store.h5", out=tmp_path / "run", experiment=make_recipe(tmp_path, BY_PATH))
    assert "scaled.py" in str(caught.value)


def test_a_name_that_nobody_has_lists_the_installed_ones(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(install(tmp_path / "site", scaled=MODEL))
    recipe = make_recipe(tmp_path, RIDGE.replace("ridge", "scalde"))
    with pytest.raises(
        ckseq.CallError, match=r"did you mean 'scaled'\? allowed: .*, scaled, or the path of a .py file"
    ):
        ckseq.train(tmp_path / "store.h5", out=tmp_path / "run", experiment=recipe)


class TestARunOfAnother:
    """A run folder that was downloaded, with the file that it names where it names it."""

    @pytest.fixture
    def trap(self, tmp_path):
        """A model that leaves a mark when its code is executed."""
        return MODEL + f"\nPath({str(tmp_path / 'mark')!r}).touch()\n"

    @pytest.fixture
    def run(self, store, tmp_path, trap):
        text = BY_PATH.replace("subject_k_fold", "subject_holdout")
        out = tmp_path / "run"
        with new_process():
            ckseq.train(store, out=out, experiment=recipe_beside(tmp_path, trap, text))
        (tmp_path / "mark").unlink()
        return out

    def test_its_code_is_not_executed(self, run, tmp_path, console, monkeypatch):
        monkeypatch.chdir(tmp_path)
        loaded = ckseq.load_run(run)
        uses = {
            "plugins=FILE": lambda: loaded.predict(tmp_path),  # in Python
            "--plugin FILE": lambda: reproduce(run, console=console),
        }
        for how, use in uses.items():
            with pytest.raises(ckseq.CallError, match="code is never loaded from a run or store by itself") as caught:
                use()
            assert how in caught.value.fix
            assert "scaled.py 2.1, whose SHA-256 is" in caught.value.what
        report(run, faces=False, console=console)
        assert loaded.report().page.is_file()
        assert not (tmp_path / "mark").exists()

    def test_a_recipe_of_the_run_s_pipeline_is_not_executed_either(self, run, store, tmp_path, console, monkeypatch):
        """The experiment in a record names a pipeline's file, which may name a detector's file."""
        (tmp_path / "evil.py").write_text(
            DETECTOR + f"\nfrom pathlib import Path\nPath({str(tmp_path / 'mark')!r}).touch()\n"
        )
        (tmp_path / "paper.toml").write_text('[detector]\nkind = "./evil.py"\n')
        monkeypatch.chdir(tmp_path)
        with new_process():
            plain = ckseq.crossval(store, out=tmp_path / "plain", experiment=make_recipe(tmp_path, RIDGE, "plain"))
        record = plain.record.changed(experiment={**plain.record.experiment, "pipeline": "./paper.toml"})
        write_run(plain.folder, record)
        reproduce(plain.folder, console=console)
        assert not (tmp_path / "mark").exists()

    def test_the_same_file_given_by_a_person_is(self, run, tmp_path, trap, console):
        (tmp_path / "other").mkdir()
        given = tmp_path / "other" / "renamed.py"
        given.write_text(trap)
        ckseq.load_run(run, plugins=[given])
        assert reproduce(run, console=console)["verdict"] == "bit-equal"
        assert (tmp_path / "mark").exists()

    def test_another_file_is_refused(self, run, tmp_path, trap, console):
        given = tmp_path / "scaled.py"
        given.write_text(trap + "# changed\n")
        ckseq.load_run(run, plugins=[given])
        with pytest.raises(ckseq.CallError, match=r"has another, .*: give the file as it was"):
            reproduce(run, console=console)


def test_an_installed_package_serves_a_run_only_with_the_recorded_digest(store, tmp_path, monkeypatch, console):
    text = RIDGE.replace('"ridge"', '"scaled"').replace("subject_k_fold", "subject_holdout")
    with monkeypatch.context() as patch, new_process():
        patch.syspath_prepend(install(tmp_path / "site", scaled=MODEL))
        ckseq.train(store, out=tmp_path / "run", experiment=make_recipe(tmp_path, text))
    with pytest.raises(ckseq.CallError, match="install its package"):
        reproduce(tmp_path / "run", console=console)
    with monkeypatch.context() as patch, new_process():
        patch.syspath_prepend(install(tmp_path / "changed", version="1.3", scaled=MODEL + "raise SystemError"))
        with pytest.raises(ckseq.CallError, match=r"installed is ckseq-demo-plugins 1\.3, which differs"):
            reproduce(tmp_path / "run", console=console)
    monkeypatch.syspath_prepend(tmp_path / "site")
    assert reproduce(tmp_path / "run", console=console)["verdict"] == "bit-equal"


class TestADetectorAndASource:
    @pytest.fixture
    def data(self, tmp_path):
        """Recordings in a layout that only the plug-in knows, and a pipeline with its detector."""
        root, lines = tmp_path / "data", []
        for person in range(8):
            for label in ("anger", "joy"):
                folder = root / f"P{person}_{label}"
                folder.mkdir(parents=True)
                for number, frame in enumerate(sequence(label, 6 + person % 3, light=40 + 2 * person)):
                    cv2.imwrite(str(folder / f"{number}.png"), frame[:, :80])
                lines.append(f"{folder.name} {label}")
        (root / "clips.txt").write_text("\n".join(lines))
        for name, text in (("middle", DETECTOR), ("clips", SOURCE)):
            (tmp_path / f"{name}.py").write_text(text)
        (tmp_path / "small.toml").write_text(PIPELINE.replace('"bright"', '"./middle.py"\nshare = 0.9'))
        return root

    def prepared(self, data, out="store.h5", jobs=2, **options):
        folder = data.parent
        source, pipeline = str(folder / "clips.py"), str(folder / "small.toml")
        return ckseq.preprocess(data, out=folder / out, pipeline=pipeline, source=source, jobs=jobs, **options)

    def test_they_make_a_store_that_names_the_detector(self, data):
        store = self.prepared(data)
        facts = {"name": "middle.py", "version": "", "sha256": sha256(DETECTOR)}
        assert store.pipeline["detector"] == {"kind": str(data.parent / "middle.py"), "plugin": facts, "share": 0.9}
        assert [entry.error for entry in store.entries] == [None] * 16
        # 80 pixels, of which nine tenths
        assert store.boxes("P0_joy")[0].tolist() == [4, 4, 76, 76]
        assert len(ckseq.scan(data, source=str(data.parent / "clips.py"))) == 16
        (data.parent / "middle.py").write_text(DETECTOR + "# changed\n")
        with pytest.raises(ckseq.CallError, match="exists and holds something else"):
            self.prepared(data)

    def test_a_run_on_it_predicts_with_the_detector_given(self, data, tmp_path, capfd):
        with new_process():
            self.prepared(data, jobs=1)
        recipe = make_recipe(tmp_path, EXPERIMENT, "ask")
        run = ckseq.train(tmp_path / "store.h5", out=tmp_path / "run", experiment=recipe)
        assert any(note.startswith("the detector is a plug-in") for note in run.record.notes)
        with pytest.raises(ckseq.CallError, match=r"pipeline \[detector\]: needs the plug-in middle.py"):
            run.predict(data / "P7_joy")
        words = ["predict", run.folder, data / "P7_joy", "--plugin", tmp_path / "middle.py", "--json"]
        cli.main([str(word) for word in words], standalone_mode=False)
        (item,) = json.loads(capfd.readouterr().out)["predictions"]
        assert item["predicted"] == "joy"
        assert item["probabilities"] == run.predict(data / "P7_joy").probabilities

    def test_a_cache_does_not_mix_up_two_versions_of_it(self, data, tmp_path):
        boxes = []
        for share in ("0.9", "0.5"):
            text = DETECTOR.replace("(0.8,", "(0.7,") if boxes else DETECTOR
            (tmp_path / "middle.py").write_text(text.replace("config.share)", share + ")"))
            out = tmp_path / f"{share}.h5"
            options = {"source": str(tmp_path / "clips.py"), "jobs": 1, "cache": Cache(tmp_path / "cache")}
            preprocess(data, pipeline=str(tmp_path / "small.toml"), out=out, console=Console(quiet=True), **options)
            with ckseq.open_store(out) as store:
                boxes.append(store.boxes("P0_joy")[0].tolist())
        assert boxes == [[4, 4, 76, 76], [20, 20, 60, 60]]

    def test_they_work_by_entry_point(self, data, tmp_path, monkeypatch):
        monkeypatch.syspath_prepend(install(tmp_path / "site", middle=DETECTOR, clips=SOURCE))
        by_path = self.prepared(data, "path.h5")
        settings = {"detector.kind": "middle", "detector.share": 0.9}
        pipeline = str(tmp_path / "small.toml")
        by_name = ckseq.preprocess(
            data, out=tmp_path / "n.h5", pipeline=pipeline, settings=settings, source="clips", jobs=1
        )
        np.testing.assert_array_equal(by_name.projections("P1_joy"), by_path.projections("P1_joy"))
        assert by_name.pipeline["detector"]["plugin"]["version"] == "1.2"


def test_nothing_installed_is_no_error(capfd):
    cli.main(["list", "plugins"], standalone_mode=False)
    assert "no installed package has a plug-in" in capfd.readouterr().out


def test_listing_shows_installed_plug_ins_and_executes_none(tmp_path, monkeypatch, capfd):
    monkeypatch.syspath_prepend(install(tmp_path / "site", scaled="raise SystemError", middle=DETECTOR))
    cli.main(["list", "plugins", "--json"], standalone_mode=False)
    entries = {entry["name"]: entry for entry in json.loads(capfd.readouterr().out)["entries"]}
    assert entries.keys() == {"scaled", "middle"}
    assert entries["middle"]["purpose"] == "detectors: ckseq-demo-plugins 1.2"
    digest = sha256_installed(scaled="raise SystemError", middle=DETECTOR)
    assert entries["middle"]["facts"] == {"entry point": "ckseq_demo_plugins.middle", "SHA-256": digest}
    assert plugins.all_admitted("detectors") == ()


def test_what_comes_with_ckseq_goes_before_a_plug_in_of_its_name(store, tmp_path, monkeypatch):
    site = install(tmp_path / "site", scaled=MODEL)
    (next(site.glob("*.dist-info")) / "entry_points.txt").write_text(
        "[ckseq.models]\nridge = ckseq_demo_plugins.scaled\n"
    )
    monkeypatch.syspath_prepend(site)
    run = ckseq.crossval(store, out=tmp_path / "cv", experiment=make_recipe(tmp_path, RIDGE))
    assert "plugin" not in read_run(run.folder).experiment["model"]
    shutil.rmtree(run.folder)
