"""Files of weights: every bit there and back, nothing executed, refusals of one line."""

import sys

import numpy as np
import pytest

from grokjax import Config
from grokjax.interop import read_weights, write_weights
from grokjax.interop.weights import read_file
from grokjax.models.model import flat_params
from tests.results.test_selection import refusal

rng = np.random.default_rng(0)
PARAMS = {
    "layer": {"kernel": rng.normal(size=(4, 3)).astype(np.float32).T, "bias": np.zeros(0, "f4")},
    "mask": np.tri(3, dtype=bool),
    "IGNORE": np.array(-np.inf, np.float32),
    "double": rng.normal(size=5),
}


@pytest.fixture(params=[".npz", ".safetensors"])
def suffix(request):
    if request.param == ".safetensors":
        pytest.importorskip("safetensors")
    return request.param


@pytest.mark.parametrize("config", [None, Config(modulus=7, weight_decay=0.3)])
def test_every_bit_comes_back_and_so_do_the_settings(suffix, config, tmp_path):
    path = tmp_path / "new" / f"weights{suffix}"
    write_weights(path, PARAMS, config)
    arrays, stored = read_file(path)
    assert stored == config
    for name, array in flat_params(PARAMS).items():
        assert (arrays[name].dtype, arrays[name].shape) == (array.dtype, array.shape), name
        np.testing.assert_array_equal(arrays.pop(name), array)
    assert not arrays
    assert [each.name for each in path.parent.iterdir()] == [path.name]


class Bomb:
    def __reduce__(self):
        return pytest.fail, ("a pickle was executed",)


def test_what_cannot_be_read_or_written_is_refused_in_one_line(suffix, tmp_path):
    missing, damaged = tmp_path / f"missing{suffix}", tmp_path / f"damaged{suffix}"
    assert refusal(read_weights, missing).startswith("path must be a file that exists, got ")
    damaged.write_bytes(b"PK" + bytes(100))
    assert "cannot be read (" in refusal(read_weights, damaged)
    np.savez(tmp_path / "pickled.npz", bomb=np.array([Bomb()], object))
    assert "Object arrays cannot be loaded" in refusal(read_weights, tmp_path / "pickled.npz")
    write_weights(tmp_path / f"empty{suffix}", {})
    assert refusal(read_weights, tmp_path / f"empty{suffix}").endswith("has no arrays")
    said = refusal(read_weights, "weights.h5")
    assert said.startswith("path must end in .npz, .safetensors, .pth, .pt, got 'weights.h5'")
    said = refusal(write_weights, tmp_path / "weights.pth", PARAMS)
    assert said.startswith("path must end in .npz or .safetensors, got ")
    said = refusal(write_weights, damaged / f"weights{suffix}", PARAMS)
    assert said.endswith(
        "must be a file in a folder that can be made, got "
        f"{str(damaged / f'weights{suffix}')!r}; name another file"
    )


@pytest.mark.parametrize(("library", "ending"), [("safetensors", "safetensors"), ("torch", "pth")])
def test_a_missing_library_is_named_with_its_extra(library, ending, tmp_path, monkeypatch):
    for name in [n for n in sys.modules if n.partition(".")[0] == library] + [library]:
        monkeypatch.setitem(sys.modules, name, None)
    (tmp_path / f"w.{ending}").touch()
    extra = "grokjax's extra interop" if library == "safetensors" else "it"
    assert refusal(read_weights, tmp_path / f"w.{ending}") == (
        f"path: a .{ending} file needs {library}; install {extra}, python -m pip install {library}"
    )


def test_torch_files_go_through_the_loader_of_weights_alone(tmp_path):
    torch = pytest.importorskip("torch")
    tensors = {n: torch.from_numpy(x.copy()) for n, x in flat_params(PARAMS).items()}
    torch.save({"model": tensors, "epoch": 3}, tmp_path / "checkpoint.pth")
    torch.save(tensors, tmp_path / "weights.pt")
    for name in ("checkpoint.pth", "weights.pt"):
        arrays = read_weights(tmp_path / name)
        for key, array in flat_params(PARAMS).items():
            np.testing.assert_array_equal(arrays[key], array)
    torch.save({"epoch": 3}, tmp_path / "none.pth")
    assert "must hold weights by name, itself or in its entry model" in refusal(
        read_weights, tmp_path / "none.pth"
    )
    torch.save({"model": Bomb()}, tmp_path / "bomb.pth")
    assert "cannot be read (UnpicklingError" in refusal(read_weights, tmp_path / "bomb.pth")
    torch.save({"w": torch.ones(2, dtype=torch.bfloat16)}, tmp_path / "half.pth")
    assert read_weights(tmp_path / "half.pth")["w"].dtype == np.float32
