"""The toy addition, the teacher and images, as data sets and in training."""

import gzip
import struct
import sys

import numpy as np
import pytest

import grokjax
from grokjax import ConfigError, Sweep
from grokjax.recipes import get, liu, omnigrok
from grokjax.tasks.task import TASKS, Task, build_dataset, member_dataset


def forget_data():
    """As a new process does."""
    build_dataset.cache_clear()
    member_dataset.cache_clear()


SHORT = {"max_epochs": 4, "eval_every": 2, "stop_when": "never"}


@pytest.mark.parametrize(
    "config",
    [
        liu.TOY,
        liu.TOY.replace(symbols=7, code_dim=4),
        omnigrok.TEACHER,
        omnigrok.TEACHER.replace(examples=30, output_dim=2, input_dim=3),
        omnigrok.DIGITS,
        omnigrok.DIGITS.replace(image_count=300),
    ],
)
def test_what_a_task_says_of_its_data_is_true_of_them(config):
    """Tasks answer from their settings what the base class reads off the data set."""
    task = config.task_settings
    for question in ("num_rows", "num_examples", "spec", "target_kind", "has_mirror"):
        assert getattr(task, question)() == getattr(Task, question)(task), question


def test_toy_addition_has_the_55_unordered_pairs_and_19_codes():
    data = build_dataset(liu.TOY.task_settings, ("0", "3"))
    assert data.inputs.shape == (55, 2)
    assert (data.inputs[:, 0] <= data.inputs[:, 1]).all()
    np.testing.assert_array_equal(data.targets[1], data.inputs.sum(axis=1))
    assert data.answers == (19, 19)
    assert data.codes.shape == (2, 19, 30)
    assert abs(data.codes.std() - 1) < 0.05
    assert not np.allclose(data.codes[0], data.codes[1])
    alone = build_dataset(liu.TOY.replace(code_seed=3).task_settings, ("3",))
    np.testing.assert_array_equal(alone.codes[0], data.codes[1])


@pytest.mark.parametrize(
    ("base", "name"), [(liu.TOY, "code_seed"), (omnigrok.TEACHER, "teacher_seed")]
)
def test_seeds_of_targets_share_a_program_and_keep_their_bits(base, name, tmp_path):
    config = base.replace(**SHORT, hidden_dim=8)
    sweep = Sweep(config, **{name: [0, 3, 11]})
    assert len(sweep.programs()) == 1
    run = grokjax.train(sweep, tmp_path / "all", progress=False)
    alone = grokjax.train(config.replace(**{name: 3}), tmp_path / "alone", progress=False)
    losses = run.history.train_loss.values
    np.testing.assert_array_equal(alone.history.train_loss.values[0], losses[1])
    assert not np.array_equal(losses[0], losses[1])
    labels = [run.data_of(m).train_labels for m in range(3)]
    if base.task == "teacher":
        assert not np.allclose(labels[0], labels[1])
    longer = Sweep(config.replace(max_epochs=6), **{name: [0, 3, 11, 12]})
    assert len(grokjax.resume(tmp_path / "all", sweep=longer, progress=False)) == 4


def test_the_accuracy_of_a_student_is_the_share_within_the_tolerance(tmp_path):
    config = omnigrok.TEACHER.replace(**SHORT | {"max_epochs": 600}, learning_rate=1e-2)
    run = grokjax.train(config.replace(weight_decay=0.0), tmp_path / "run", progress=False)
    data = run.data_of(0)
    for split, inputs, targets in (
        ("train", data.train_inputs, data.train_labels),
        ("test", data.test_inputs, data.test_labels),
    ):
        error = ((run.apply(run.params_of(0), inputs) - targets) ** 2).mean(axis=1)
        recorded = float(run.history[f"{split}_accuracy"][0, -1])
        assert recorded == pytest.approx((error < 1e-3).mean())
        assert float(run.history[f"{split}_loss"][0, -1]) == pytest.approx(error.mean(), rel=1e-4)
    assert float(run.history.train_accuracy[0, -1]) > 0


def test_digits_are_those_of_scikit_learn():
    from sklearn.datasets import load_digits

    data = build_dataset(omnigrok.DIGITS.task_settings, ("",))
    assert data.inputs.dtype == np.float32
    np.testing.assert_allclose(data.inputs * 16, load_digits().images)
    np.testing.assert_array_equal(data.targets[0], load_digits().target)
    assert omnigrok.DIGITS.train_size == 200


def test_a_run_on_digits_is_read_without_scikit_learn(tmp_path, monkeypatch):
    config = omnigrok.DIGITS.replace(**SHORT, hidden_dim=8)
    grokjax.train(config, tmp_path / "run", progress=False)
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    forget_data()
    run = grokjax.load(tmp_path / "run")
    assert run.history.test_accuracy.notnull().all()
    with pytest.raises(ConfigError, match=r"needs scikit-learn for digits: .* 'grokjax\[images\]'"):
        run.data_of(0)


IMAGES = np.random.default_rng(0).integers(0, 256, (30, 4, 5)).astype(np.uint8)
LABELS = (np.arange(30) % 3).astype(np.uint8)


def write_idx(path, array, opener=open):
    header = bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}i", *array.shape)
    with opener(path, "wb") as file:
        file.write(header + array.tobytes())


@pytest.fixture(params=["npz", "idx", "idx.gz"])
def files(request, tmp_path):
    """The same images as an npz file and as folders of IDX files; 20 to train on, 10 to test on."""
    parts = {"train": slice(20), "test": slice(20, None)}
    if request.param == "npz":
        arrays = {
            f"{k}_{n}": v[s] for n, s in parts.items() for k, v in (("x", IMAGES), ("y", LABELS))
        }
        np.savez(tmp_path / "images.npz", **arrays)
        return tmp_path / "images.npz"
    folder = tmp_path / "images"
    folder.mkdir()
    opener, end = (gzip.open, ".gz") if request.param == "idx.gz" else (open, "")
    for name, part in zip(("train", "t10k"), parts.values(), strict=True):
        write_idx(folder / f"{name}-images-idx3-ubyte{end}", IMAGES[part], opener)
        write_idx(folder / f"{name}-labels-idx1-ubyte{end}", LABELS[part], opener)
    return folder


def own(files, **settings):
    return omnigrok.DIGITS.replace(
        images=str(files), train_fraction=0.5, hidden_dim=8, **SHORT, **settings
    )


def test_images_of_ones_own(files, tmp_path):
    data = build_dataset(own(files).task_settings, ("",))
    np.testing.assert_allclose(data.inputs, IMAGES / IMAGES.max(), rtol=1e-6)
    np.testing.assert_array_equal(data.targets[0], LABELS)
    assert own(files, image_count=12).num_examples == 12
    run = grokjax.train(own(files), tmp_path / "run", progress=False)
    assert run.sweep[0].spec.input_shape == (4, 5)
    assert run.params_of(0)["hidden"]["kernel"].shape == (20, 8)


def test_a_run_outlives_the_files_it_was_trained_on(tmp_path):
    path = tmp_path / "images.npz"
    np.savez(path, x_train=IMAGES, y_train=LABELS)
    grokjax.train(own(path), tmp_path / "run", progress=False)
    history = grokjax.load(tmp_path / "run").history
    np.savez(path, x_train=IMAGES[:, ::-1], y_train=LABELS)
    forget_data()
    with pytest.raises(ConfigError, match=r"task images has changed since .* other inputs"):
        grokjax.load(tmp_path / "run").data_of(0)
    path.unlink()
    forget_data()
    run = grokjax.load(tmp_path / "run")
    assert run.history.equals(history)
    with pytest.raises(ConfigError, match=r"task images has changed .* images must be digits"):
        run.data_of(0)
    with pytest.raises(ConfigError, match="task images has changed"):
        grokjax.resume(tmp_path / "run", progress=False)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot be read"),
        (b"no archive", "cannot be read"),
        ({"x_other": IMAGES}, "must have arrays x_train and y_train"),
        ({"x_train": IMAGES, "y_train": LABELS[:-1]}, "must hold a class of at least 0 for each"),
        ({"x_train": IMAGES, "y_train": LABELS - 1.5}, r"must hold images \[N, ...\] and whole"),
        ({"x_train": np.array([{}]), "y_train": LABELS}, "cannot be read"),
    ],
)
def test_files_that_are_no_images(content, message, tmp_path):
    path = tmp_path / "some.npz"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        np.savez(path, **content)
    with pytest.raises(ConfigError, match=f"images: some.npz {message}") as caught:
        own(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (bytes((0, 0, 8, 1)), "must be an IDX file of bytes in 3 dimensions"),
        (bytes((0, 0, 8, 3)) + struct.pack(">3i", 5, 4, 4), "ends after 0 of 80 numbers"),
        (bytes((0, 0, 8, 3)) + struct.pack(">3i", -5, 4, 4), "must not be empty"),
        (bytes((0, 0, 8, 3)) + struct.pack(">3i", *[2**31 - 1] * 3), "GB of memory"),
    ],
)
def test_idx_files_that_are_none(content, message, tmp_path):
    (tmp_path / "train-images-idx3-ubyte").write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        own(tmp_path)


def test_settings_of_images_that_cannot_be(tmp_path):
    with pytest.raises(
        ConfigError, match="images must be digits, a folder or an npz file that exists"
    ):
        own(tmp_path / "nowhere")
    with pytest.raises(ConfigError, match="must have a file train-images-idx3-ubyte"):
        own(tmp_path)
    with pytest.raises(ConfigError, match="image_count must be at most 1797"):
        omnigrok.DIGITS.replace(image_count=1798)


def test_every_task_has_a_recipe_that_trains(tmp_path):
    known = {"binary-operation": "notebook", "toy-addition": "liu-toy", "images": "omnigrok-digits"}
    known["teacher"] = "omnigrok-teacher"
    assert set(known) == set(TASKS._builtin)
    for name in ("liu-toy", "omnigrok-digits", "omnigrok-teacher"):
        config = get(name).config.replace(**SHORT, hidden_dim=8)
        run = grokjax.train(config, tmp_path / name, progress=False)
        assert run.history.test_loss.notnull().all()
