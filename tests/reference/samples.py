"""Runs the lines of the README that write a sample, on the networks of foreign_weights.py, for tests/self_check.rs.

    python tests/reference/samples.py --torch  # needs torch, torchvision
    python tests/reference/samples.py --keras  # needs tensorflow, h5py

The lines are run as they stand in the README, of which only the size of the images is changed, and kept beside the sample: a
test compares them with the README of today.
"""

import argparse
import gzip
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
FIXTURES = HERE.parent / "fixtures"
README = HERE.parent.parent / "README.md"
SIDE = 80


def lines(word):
    """The indented block of the README in which `word` stands."""
    blocks, block = [], []
    for line in README.read_text().splitlines() + ["."]:
        if line.startswith("    ") or not line:
            block.append(line[4:])
        else:
            blocks.append("\n".join(block).strip("\n") + "\n")
            block = []
    [found] = [block for block in blocks if word in block]
    return found


def run(name, word, model):
    text = lines(word)
    out = FIXTURES / "sample"
    out.mkdir(exist_ok=True)
    (out / f"{name}.txt").write_text(text)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sample.npz"
        exec(text.replace("320", str(SIDE)).replace('"sample.npz"', repr(str(path))), {"model": model})
        (out / f"{name}.npz").write_bytes(path.read_bytes())


def of_torch():
    import torch
    from networks import build, formula_weights

    model = build("densenet_121", 1 / 32, 3, 5)
    formula_weights(model, True)
    torch.manual_seed(1)
    run("torch", "torch.randn", model)


def of_keras():
    from keras.src.applications import inception_v3
    from foreign_weights import scaled

    conv2d_bn = inception_v3.conv2d_bn
    inception_v3.conv2d_bn = lambda x, filters, *rest, **more: conv2d_bn(x, scaled(filters, 1 / 32), *rest, **more)
    model = inception_v3.InceptionV3(weights=None, classes=3, input_shape=(SIDE, SIDE, 3))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "weights.h5"
        path.write_bytes(gzip.decompress((FIXTURES / "foreign" / "keras_inception_weights.h5.gz").read_bytes()))
        model.load_weights(path)
    run("keras", "np.random.default_rng", model)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--torch", action="store_true")
    parser.add_argument("--keras", action="store_true")
    arguments = parser.parse_args()
    if arguments.torch:
        of_torch()
    if arguments.keras:
        of_keras()
