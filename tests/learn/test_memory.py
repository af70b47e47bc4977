import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import psutil
import pytest

from ckseq.config import Config
from ckseq.errors import CkseqError
from ckseq.learn import backend, system_memory
from ckseq.learn.memory import Training, check, estimate, fitted, footprint_of, settings_of
from ckseq.learn.training_config import TrainingConfig
from ckseq.models import conv_lstm, conv_lstm_light, dense_net, gru
from ckseq.models._spec import ModelSpec

WIDE = (39, 2, 267, 1)


def training(shape=WIDE, model=None, n=98, n_classes=7, spec=conv_lstm.SPEC, **fields):
    model = model or conv_lstm.ConvLSTMConfig()
    footprint = footprint_of(spec, model, input_shape=shape, n_classes=n_classes)
    return Training(model, TrainingConfig(**fields), footprint, shape, (28,) * n, held_bytes=0)


def test_the_formula_by_hand():
    """The paper's third phase: 3,442,983 weights, six arrays of 530 positions and 64 filters a step."""
    need = estimate(training())
    assert need.weights == 4 * 3_442_983
    assert need.optimizer == 2 * need.weights
    assert need.gradients == 3 * need.weights
    steps = 64 * 28 * 6 * 530 * 64 * 4
    # two neighbors of the input, 6 multiplications for 4 outputs
    state = 64 * 4 * 530 * (39 * 3 + 4 * 64)
    assert need.activations == steps + state
    assert need.sequences == 8 * 64 * 39 * 2 * 267
    assert need.total == sum(need)


def test_parts_count_one_part_and_a_sum():
    whole, parts = estimate(training()), estimate(training(micro_batch_size=4))
    assert parts.gradients == 2 * parts.weights
    assert parts.activations == whole.activations / 16


def test_recomputing_counts_no_steps_but_those_of_a_block():
    steps, block = 28 * 6 * 530 * 64 * 4, 39 * 6 * 64 * 4 * 8480
    for size in (64, 4):
        kept, recomputed = (
            estimate(training(model=conv_lstm.ConvLSTMConfig(recompute=on), batch_size=size)).activations
            for on in (False, True)
        )
        # a block is 16 sequences of 530 positions
        assert kept - recomputed == size * steps - block * min(1, size / 16)


def test_fewer_sequences_than_a_batch_need_less():
    assert estimate(training(n=10)).activations == estimate(training(batch_size=10)).activations


def test_the_formula_counts_the_weights_that_are_built():
    for config in (
        conv_lstm.ConvLSTMConfig(filters=3, dense=5),
        conv_lstm.ConvLSTMConfig(filters=2, dense=4, kernel=(2, 4)),
    ):
        footprint = conv_lstm.footprint(config, input_shape=(4, 3, 11, 2), n_classes=3)
        built = conv_lstm.build(config, input_shape=(4, 3, 11, 2), n_classes=3)
        assert footprint.n_parameters == built.count_params()


@pytest.mark.parametrize("spec", [gru.SPEC, conv_lstm_light.SPEC])
def test_a_network_without_a_formula_is_measured(spec):
    footprint = training(shape=(12, 2, 30, 1), spec=spec, model=spec.config()).footprint(spec.config())
    built = spec.build(spec.config(), input_shape=(12, 2, 30, 1), n_classes=7)
    assert footprint.n_parameters == built.count_params()
    assert footprint.sequence_bytes > 4 * sum(layer.output.shape[-1] for layer in built.layers)


def test_the_weights_of_a_network_without_a_formula_are_not_made_to_be_counted():
    config = dense_net.DenseNetConfig(hidden=(2**16, 2**16))
    huge = training(shape=(39, 2, 267, 1), spec=dense_net.SPEC, model=config)
    assert huge.footprint(config).n_parameters > 5e9  # 20 GB
    with pytest.raises(CkseqError, match=r"training needs about [0-9.]+ GB of memory"):
        check(huge, free_bytes=8_000_000_000, used_bytes=0)
    built = gru.build(gru.GRUConfig(), input_shape=(12, 2, 30, 1), n_classes=7)
    assert all(np.isfinite(weights).all() for weights in built.get_weights())


@pytest.mark.parametrize("spec", [conv_lstm.SPEC, gru.SPEC, conv_lstm_light.SPEC, dense_net.SPEC])
def test_a_million_units_are_out_of_bounds(spec):
    for name in {"filters", "units", "dense", "hidden"} & spec.config.model_fields.keys():
        value = (1_000_000,) if name == "hidden" else 1_000_000
        with pytest.raises(ValueError, match="less than or equal to"):
            spec.config(**{name: value})


def test_the_refusal_says_how_much_and_what_helps():
    with pytest.raises(CkseqError) as caught:
        check(training(), free_bytes=1_500_000_000, used_bytes=500_000_000)
    text = str(caught.value)
    assert "needs about 2.7 GB of memory" in text
    assert "activations (1.5 GB)" in text
    assert "2.0 GB are available" in text
    for setting in ("training.micro_batch_size=32 (", "model.recompute=true (", "training.batch_size=32 (", "filters="):
        assert setting in text
    assert caught.value.exit_status == 1
    assert check(training(), free_bytes=3_000_000_000, used_bytes=500_000_000).total < 3_500_000_000


def test_fitting_goes_from_mild_to_strong_and_stops_there():
    chosen = []
    for there in (4e9, 1.8e9, 1.45e9):
        fitting, need = fitted(training(), free_bytes=int(there), used_bytes=0)
        assert need.total <= there
        chosen.append((fitting.training.micro_batch_size, fitting.model.recompute))
        assert fitting.model.model_copy(update={"recompute": False}) == conv_lstm.ConvLSTMConfig()
        assert fitting.training.model_copy(update={"micro_batch_size": "whole"}) == TrainingConfig()
    assert chosen == [("whole", False), (16, False), (8, False)]
    assert settings_of(fitting) == ("training.micro_batch_size=8", "model.recompute=false")


def test_too_many_filters_are_told_and_never_taken_away():
    frames = training(shape=(39, 267, 267, 1), n=3)
    with pytest.raises(CkseqError, match=r"needs about .* GB .* model\.filters="):
        fitted(frames, free_bytes=9_000_000_000, used_bytes=0)
    fitting, _ = fitted(frames, free_bytes=12_000_000_000, used_bytes=0)
    assert (fitting.training.micro_batch_size, fitting.model.filters) == (1, 64)
    assert fitting.model.recompute


def test_a_batch_that_is_normalized_is_not_cut():
    def build(config, *, input_shape, n_classes):
        layers = backend.load_keras().layers
        stages = [layers.Input(input_shape), layers.Flatten(), layers.BatchNormalization(), layers.Dense(n_classes)]
        return backend.load_keras().Sequential(stages)

    normalized = training(spec=ModelSpec(name="made", kind="network", config=Config, build=build))
    with pytest.raises(CkseqError, match="batch_size=") as caught:
        check(normalized, free_bytes=estimate(normalized).total - 10_000_000, used_bytes=0)
    assert "micro" not in str(caught.value)


@pytest.fixture
def made_system(tmp_path, monkeypatch):
    """Have 800 kB free, 50 kB used, no limit, and the files of a Linux kernel under tmp_path."""
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=800 * 1024))
    memory = SimpleNamespace(memory_info=lambda: SimpleNamespace(rss=50 * 1024, vms=60 * 1024))
    monkeypatch.setattr(psutil, "Process", lambda: memory)
    monkeypatch.setitem(sys.modules, "resource", None)

    def write(files):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return {"proc": tmp_path / "proc", "cgroups": tmp_path / "cgroup"}

    return write


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, 800 * 1024),
        (
            {
                "proc/self/cgroup": "0::/a/b\n",
                "cgroup/a/memory.max": "90000\n",
                "cgroup/a/memory.current": "50000\n",
                "cgroup/a/memory.stat": "anon 1\ninactive_file 300\n",
                "cgroup/a/b/memory.max": "max\n",
                "cgroup/a/b/memory.current": "5\n",
            },
            40_300,
        ),
        (
            {
                "proc/self/cgroup": "5:cpu:/x\n4:memory:/made\n0::/\n",
                "cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
                "cgroup/memory/memory.usage_in_bytes": "7\n",
                "cgroup/memory/made/memory.limit_in_bytes": "70000\n",
                "cgroup/memory/made/memory.usage_in_bytes": "69000\n",
            },
            1000,
        ),
        ({"proc/self/cgroup": "0::/\n", "cgroup/memory.max": "10\n", "cgroup/memory.current": "20\n"}, 0),
    ],
)
def test_the_least_of_system_and_groups_counts(made_system, files, expected):
    assert system_memory.free_bytes(**made_system(files)) == expected
    assert system_memory.used_bytes() == 50 * 1024


def made_resource(**limits):
    return SimpleNamespace(
        RLIMIT_AS="RLIMIT_AS",
        RLIMIT_DATA="RLIMIT_DATA",
        RLIM_INFINITY=-1,
        RUSAGE_SELF=0,
        getrlimit=lambda name: (limits.get(name, -1), -1),
        getrusage=lambda _: SimpleNamespace(ru_maxrss=70),
    )


def test_limits_count_where_the_system_has_them(made_system, monkeypatch):
    files = made_system({})
    for limits, expected in (({}, 800 * 1024), ({"RLIMIT_AS": 70 * 1024}, 10 * 1024), ({"RLIMIT_DATA": 5}, 5)):
        monkeypatch.setitem(sys.modules, "resource", made_resource(**limits))
        assert system_memory.free_bytes(**files) == expected


def test_the_peak_on_linux_macos_and_windows(made_system, monkeypatch):
    missing = made_system({})["proc"]
    assert system_memory.peak_bytes(missing) == 0
    monkeypatch.setitem(sys.modules, "resource", made_resource())
    monkeypatch.setattr(sys, "platform", "freebsd")
    assert system_memory.peak_bytes(missing) == 70 * 1024
    monkeypatch.setattr(sys, "platform", "darwin")
    assert system_memory.peak_bytes(missing) == 70
    assert system_memory.peak_bytes(made_system({"proc/self/status": "VmHWM:\t 71 kB\n"})["proc"]) == 71 * 1024
    windows = SimpleNamespace(memory_info=lambda: SimpleNamespace(rss=1, vms=1, peak_wset=72))
    monkeypatch.setattr(psutil, "Process", lambda: windows)
    assert system_memory.peak_bytes(missing) == 72


def test_the_memory_of_this_process_is_plausible():
    assert 0 < system_memory.used_bytes() <= 1.01 * system_memory.peak_bytes()
    assert 0 < system_memory.free_bytes() < psutil.virtual_memory().total


def test_a_limit_of_the_process_counts():
    pytest.importorskip("resource", reason="Windows has no such limits")
    code = (
        "import resource\nfrom ckseq.learn import system_memory\n"
        "resource.setrlimit(resource.RLIMIT_AS, (10**9, 10**9))\nprint(system_memory.free_bytes())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 0 < int(done.stdout) < 10**9
