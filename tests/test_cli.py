"""The command line as a person meets it: exit status, one clear line, nothing lost."""

import io
import json
import shutil
import subprocess
import sys
import zipfile
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from made_runs import made_run

from ckseq.cli.main import main
from ckseq.storage.run_record import write_run

CHECKOUT = Path(__file__).parents[1]


def in_its_own_process(*arguments, status=0):
    """Call the command line in a process of its own, as a shell would."""
    words = [sys.executable, "-m", "ckseq", *map(str, arguments)]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == status, done.stderr + done.stdout
    return done


def ckseq(*arguments, status=0):
    """Call the command line in this process, which has imported already what takes seconds."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", ["ckseq", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
    assert (ended.value.code or 0) == status, err.getvalue() + out.getvalue()
    return SimpleNamespace(stdout=out.getvalue(), stderr=err.getvalue())


def refused(*arguments, status, says, call=ckseq):
    """A call that fails says why in one line, without a traceback, and every word of ``says`` is in it."""
    done = call(*arguments, status=status)
    last = done.stderr.strip().splitlines()[-1]
    assert "Traceback" not in done.stderr
    for word in says:
        assert word in last
    return last


def write_ckplus(root, sequences):
    """A tree in CK+'s layout; ``sequences`` maps (subject, session) to (number of frames, label text or None)."""
    generator = np.random.default_rng(0)
    for (subject, session), (n_frames, label) in sequences.items():
        folder = root / "cohn-kanade-images" / subject / session
        folder.mkdir(parents=True)
        for number in range(1, n_frames + 1):
            frame = generator.integers(0, 256, (60, 80), dtype=np.uint8)
            cv2.imwrite(str(folder / f"{subject}_{session}_{number:08d}.png"), frame)
        if label is not None:
            place = root / "Emotion" / subject / session
            place.mkdir(parents=True)
            (place / f"{subject}_{session}_{n_frames:08d}_emotion.txt").write_text(label)
    return root


@pytest.fixture
def tree(tmp_path):
    sequences = {
        (f"S{number:03d}", "001"): (5 + number % 3, f"   {1 + 4 * (number % 2)}.0000000e+00") for number in range(1, 9)
    }
    return write_ckplus(tmp_path / "data", sequences)


@pytest.fixture
def fast(tmp_path):
    """A pipeline that takes the frame for the face."""
    path = tmp_path / "fast.toml"
    path.write_text('[detector]\nkind = "whole_frame"\n[faces]\nside_px = 32\n[motion]\nerosion_px = 1\n')
    return path


@pytest.fixture
def small(tmp_path, fast):
    """An experiment that trains in seconds."""
    path = tmp_path / "small.toml"
    path.write_text(f"""
        question = "does it run?"
        pipeline = "{fast}"
        [sequence]
        length_frames = 8
        [protocol]
        kind = "subject_holdout"
        [model]
        kind = "conv_time_width"
        [training]
        epochs = 2
    """)
    return path


def test_help_teaches_every_command():
    text = in_its_own_process("--help").stdout
    assert "..." not in text.partition("Commands:")[2]
    assert "\n  No data yet?        ckseq demo\n" in text
    for command in (
        "demo",
        "synth",
        "inspect",
        "preprocess",
        "train",
        "report",
        "experiment",
        "predict",
        "config",
        "bench",
    ):
        assert f"\n  {command} " in text
        assert len(ckseq(command, "--help").stdout.splitlines()) > 5


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["predct"], ["no command 'predct'", "Did you mean 'predict'?"]),
        (["laddr"], ["Did you mean 'strictness'?"]),
        (["protocol", "verfy"], ["Did you mean 'verify'?"]),
        (["xyz"], ["There is no command 'xyz'."]),
        (["runs", "--srt", "age"], ["--sort"]),
    ],
)
def test_a_mistyped_command_or_option_is_answered_with_the_nearest(words, says):
    refused(*words, status=2, says=says)


@pytest.mark.parametrize(("former", "name"), [("ladder", "strictness"), ("replay", "reproduce")])
def test_former_names_of_commands_still_work_and_are_not_listed(former, name):
    assert ckseq(former, "--help").stdout.partition("\n")[2] == ckseq(name, "--help").stdout.partition("\n")[2]
    assert f"\n  {former} " not in ckseq("--help").stdout


def test_from_images_to_report_and_predict(tmp_path, tree, small):
    out = tmp_path / "out"
    words = ("experiment", small, "--data", tree, "--out", out, "--json", "--jobs", 1)
    result = json.loads(in_its_own_process(*words).stdout)
    assert result["failed"] == {}
    run = out / "run"
    for name in ("run.json", "predictions.csv", "history.csv", "model.keras", "report.html", "confusion_matrix.png",
                 "confusion_matrix.csv", "classification_report.txt", "classification_report.json", "accuracy.png",
                 "loss.png"):  # fmt: skip
        assert (run / name).stat().st_size > 0, name
    again = json.loads(ckseq(*words).stdout)
    assert again["accuracy"] == result["accuracy"]

    film = tmp_path / "film.avi"
    writer = cv2.VideoWriter(str(film), cv2.VideoWriter_fourcc(*"MJPG"), 25, (80, 60))
    for number in range(12):
        writer.write(np.full((60, 80, 3), 20 * number, np.uint8))
    writer.release()
    folder = tree / "cohn-kanade-images" / "S001" / "001"
    predicted = json.loads(ckseq("predict", run, folder, film, "--json").stdout)
    assert [item["n_frames"] for item in predicted["predictions"]] == [6, 12]
    for item in predicted["predictions"]:
        assert sum(item["probabilities"].values()) == pytest.approx(1, abs=1e-4)
        assert item["predicted"] in ("anger", "happiness")
    refused("predict", run, tmp_path / "none.avi", status=1, says=["none.avi"])


def test_predict_with_a_cross_validation_says_that_it_keeps_no_model(tmp_path):
    write_run(tmp_path / "cv", made_run(kind="cross_validation"))
    refused("predict", tmp_path / "cv", tmp_path, status=1, says=["cross-validation", "ckseq train"])


def test_a_recording_that_fails_is_named_and_the_rest_is_kept(tmp_path, tree, fast):
    cut = next((tree / "cohn-kanade-images" / "S002").rglob("*_00000003.png"))
    cut.write_bytes(cut.read_bytes()[:-300])
    done = ckseq("preprocess", tree, "--pipeline", fast, "--out", tmp_path / "s.h5", "--jobs", 1, status=1)
    assert cut.name in done.stderr
    assert "7 of 8 recordings" in done.stdout
    assert (tmp_path / "s.h5").is_file()


@pytest.mark.parametrize("content", [b"", b"not an image", b"\x89PNG\r\n\x1a\n"], ids=["empty", "text", "stub"])
def test_an_image_that_is_none_is_named(tmp_path, tree, fast, content):
    bad = next((tree / "cohn-kanade-images" / "S003").rglob("*_00000002.png"))
    bad.write_bytes(content)
    done = ckseq("preprocess", tree, "--pipeline", fast, "--out", tmp_path / "s.h5", "--jobs", 1, status=1)
    assert bad.name in done.stderr
    assert "Traceback" not in done.stderr


def test_a_sequence_of_one_frame_is_named(tmp_path, fast):
    tree = write_ckplus(tmp_path / "one", {("S001", "001"): (1, "1.0"), ("S002", "001"): (5, "5.0")})
    done = ckseq("preprocess", tree, "--pipeline", fast, "--out", tmp_path / "s.h5", "--jobs", 1, status=1)
    assert "S001_001 was left out: 1 frame with a face: motion needs two" in done.stderr


@pytest.mark.parametrize("label", ["happy", "9.0", "3.5", "", "nan", "-1"])
def test_a_label_that_is_none_is_named(tmp_path, fast, label):
    tree = write_ckplus(tmp_path / "data", {("S001", "001"): (3, label), ("S002", "001"): (3, "5.0")})
    refused("preprocess", tree, "--pipeline", fast, "--out", tmp_path / "s.h5", status=1, says=["S001_001"])


def test_two_labels_are_named(tmp_path, tree, fast):
    folder = tree / "Emotion" / "S001" / "001"
    (folder / "S001_001_00000002_emotion.txt").write_text("   7.0000000e+00")
    refused("preprocess", tree, "--pipeline", fast, "--out", tmp_path / "s.h5", status=1, says=["S001"])


def test_wrong_places(tmp_path, tree, fast):
    out = tmp_path / "s.h5"
    refused("inspect", tmp_path / "none", status=2, says=["none"], call=in_its_own_process)
    (tmp_path / "empty").mkdir()
    refused("inspect", tmp_path / "empty", status=1, says=["empty", "cohn-kanade-images"])
    refused("preprocess", tmp_path / "none", "--out", out, status=2, says=["none"])
    refused("preprocess", tree, "--pipeline", fast, "--out", "/proc/none/s.h5", status=2, says=["/proc/none"])
    refused("train", tmp_path / "none.h5", "--experiment", "paper_phase4", "--out", tmp_path / "r", status=1,
            says=["none.h5", "ckseq preprocess"])  # fmt: skip
    refused("report", tmp_path / "empty", status=1, says=["empty", "run"], call=in_its_own_process)


def test_targets_that_exist_are_kept(tmp_path, tree, fast):
    out = tmp_path / "s.h5"
    out.write_text("mine")
    refused("preprocess", tree, "--pipeline", fast, "--out", out, "--jobs", 1, status=1, says=["s.h5"])
    assert out.read_text() == "mine"
    (tmp_path / "twin").mkdir()
    (tmp_path / "twin" / "mine.txt").write_text("mine")
    refused("synth", tmp_path / "twin", status=2, says=["twin"])
    refused("synth", tmp_path / "twin", "--overwrite", status=2, says=["twin"])
    assert (tmp_path / "twin" / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("motion.thresold=30", ["thresold", "threshold"]),
        ("motion.threshold=high", ["motion", "threshold", "high"]),
        ("motion.threshold=-1", ["motion", "threshold"]),
        ("motion.reference=next", ["reference", "'previous'"]),
        ("detector.kind=dlib", ["dlib", "dlib_hog"]),
        ("faces=3", ["faces", "section"]),
        ("nonsense", ["nonsense", "section.key=value"]),
        ("moton.threshold=30", ["moton"]),
    ],
)
def test_wrong_settings_name_the_key_and_what_is_allowed(tmp_path, tree, setting, says):
    refused("preprocess", tree, "--out", tmp_path / "s.h5", "--set", setting, status=2, says=says)


def test_wrong_recipes(tmp_path, tree):
    bad = tmp_path / "bad.toml"
    bad.write_text("[motion\n")
    refused("preprocess", tree, "--pipeline", bad, "--out", tmp_path / "s.h5", status=2, says=["bad.toml", "not TOML"])
    refused("preprocess", tree, "--pipeline", "papr", "--out", tmp_path / "s.h5", status=2, says=["'paper'"])
    refused("experiment", "paper_phase44", "--data", tree, "--out", tmp_path / "o", status=2, says=["paper_phase4"])


def test_a_class_with_too_few_sequences_says_how_many_there_are(tmp_path, tree, small, fast):
    ckseq("preprocess", tree, "--pipeline", fast, "--out", tmp_path / "s.h5", "--jobs", 1)
    refused("train", tmp_path / "s.h5", "--experiment", small, "--out", tmp_path / "r", "--set", "balance.per_class=5",
            status=1, says=["anger", "4", "5"])  # fmt: skip


@pytest.mark.parametrize("name", ["../../outside.png", "/tmp/outside.png", "S001/../../../outside.png"])
def test_a_zip_that_climbs_out_is_refused(tmp_path, name):
    with zipfile.ZipFile(tmp_path / "extended-cohn-kanade-images.zip", "w") as archive:
        archive.writestr("cohn-kanade-images/S001/001/S001_001_00000001.png", b"x")
        archive.writestr(name, b"x")
    refused("inspect", tmp_path, status=1, says=["extended-cohn-kanade-images.zip"])


def test_a_zip_bomb_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "extended-cohn-kanade-images.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("cohn-kanade-images/S001/001/S001_001_00000001.png", bytes(200 * 2**20))
    refused("inspect", tmp_path, status=1, says=["extended-cohn-kanade-images.zip"])


def test_config_explains_every_field_and_shows_a_recipe():
    fields = json.loads(ckseq("config", "--json").stdout)
    assert fields["pipeline [motion]"]["motion.threshold"]["default"] == "127"
    for section in fields.values():
        for name, field in section.items():
            assert field["meaning"], name
    recipe = json.loads(ckseq("config", "paper", "--json", "--set", "motion.threshold=30").stdout)
    assert recipe["motion"]["threshold"] == 30


def test_an_installed_wheel_works_outside_the_checkout(tmp_path):
    source = tmp_path / "source"  # pip leaves its build folders where it builds
    for name in ("ckseq", "pipelines", "experiments"):
        shutil.copytree(CHECKOUT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(CHECKOUT / name, source)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    build = ["install", "--no-deps", "--no-build-isolation", "--target", tmp_path / "site", source]
    subprocess.run([*pip, *build], check=True, capture_output=True)
    code = "import ckseq, sys; from ckseq.cli.main import main; print(ckseq.__file__, file=sys.stderr); main()"
    done = subprocess.run([sys.executable, "-c", code, "config", "paper_phase4"], cwd=tmp_path, capture_output=True,
                          text=True, check=True, env={"PYTHONPATH": str(tmp_path / "site")})  # fmt: skip
    assert str(tmp_path / "site") in done.stderr
    assert "at_most = 35" in done.stdout
