"""Files of PyTorch and Keras with narrow networks, and the logits their own programs give, for tests/foreign_weights.rs.

    python tests/reference/foreign_weights.py --torch --gzip --out tests/fixtures/foreign  # needs torch, torchvision
    python tests/reference/foreign_weights.py --keras --gzip --out tests/fixtures/foreign  # needs tensorflow 2.15, h5py
    python tests/reference/foreign_weights.py --torch --keras --width 1 --out /tmp/full

Keras' networks are built by keras.applications itself, of which only the numbers of channels are scaled; its files are
written by Keras. `<name>.json` holds the logits for the image of `formula_image` (networks.py) and what is expected.
"""

import argparse
import gzip
import json
import math
from collections import OrderedDict
from pathlib import Path

import numpy as np

SIDE = 80


def scaled(channels, width):
    return max(1, math.floor(channels * width + 0.5))


def unit_values(name, count):
    """As in networks.py, without its torch."""
    seed = 0xCBF29CE484222325
    for byte in name.encode():
        seed = ((seed ^ byte) * 0x100000001B3) % 2**64
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + (np.arange(count, dtype=np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(40)).astype(np.float64) / 2.0**24


def formula_image(channels, side):
    noise = unit_values("image", channels * side * side).reshape(channels, side, side)
    c, row, column = np.meshgrid(np.arange(channels), np.arange(side), np.arange(side), indexing="ij")
    return (0.5 * (((3 * row + 5 * column + 17 * c) % 64) / 64.0) + 1.5 * noise - 1.0).astype(np.float32)[None]


def told(out, name, **what):
    (out / f"{name}.json").write_text(json.dumps(what, indent=1) + "\n")
    print(name, what)


def of_torch(out, width):
    import torch
    from networks import build, formula_weights

    image = torch.from_numpy(formula_image(3, SIDE))

    def expect(name, model, architecture, classes):
        logits = model.double()(image.double())[0].tolist()
        told(out, name, file=f"{name}.pth", architecture=architecture, logits=logits, side=SIDE)
        model.float()

    inception = build("inception_v3", width, 3, 2)
    formula_weights(inception, True)
    state = inception.state_dict()
    aux = {"AuxLogits.fc.weight": torch.ones(2, 3), "AuxLogits.fc.bias": torch.ones(2)}
    torch.save({**state, **aux}, out / "torch_inception.pth")
    expect("torch_inception", inception, "inception_v3", 2)

    densenet = build("densenet_121", width, 3, 5)
    formula_weights(densenet, True)
    state = densenet.state_dict()
    # Lightning's checkpoint, the first names of torchvision's DenseNet, kernels in another order in memory.
    checkpoint = OrderedDict()
    for name, tensor in state.items():
        if ".denselayer" in name:
            for kind in ("norm", "conv"):
                name = name.replace(f".{kind}1.", f".{kind}.1.").replace(f".{kind}2.", f".{kind}.2.")
        checkpoint[f"model.{name}"] = tensor.to(memory_format=torch.channels_last) if tensor.dim() == 4 else tensor
    checkpoint["criterion.weight"] = torch.ones(2)
    torch.save({"epoch": 3, "state_dict": checkpoint, "optimizer_states": [{"state": {0: {"step": torch.tensor(1.0)}}}],
                "hyper_parameters": {"lr": 1e-3}}, out / "torch_densenet_lightning.pth")
    expect("torch_densenet_lightning", densenet, "densenet_121", 5)

    # DataParallel, double precision, parameters, one output in a sequence, the storages of slices.
    single = build("densenet_121", width, 3, 1)
    formula_weights(single, True)
    wrapped = OrderedDict()
    for name, tensor in single.state_dict().items():
        name = name.replace("classifier.", "classifier.0.")
        value = torch.cat([tensor.double().flatten(), torch.ones(3, dtype=torch.double)])[:tensor.numel()].reshape(
            tensor.shape) if tensor.dtype == torch.float32 else tensor
        wrapped[f"module.{name}"] = torch.nn.Parameter(value, False) if tensor.dtype == torch.float32 else value
    torch.save({"model": wrapped}, out / "torch_densenet_single.pth")
    expect("torch_densenet_single", single, "densenet_121", 1)

    if width < 0.1:
        torch.save(state, out / "torch_legacy.pth", _use_new_zipfile_serialization=False)
        torch.save(torch.nn.Linear(2, 2), out / "torch_module.pth")
        torch.save({"conv1.weight": torch.ones(2, 2)}, out / "torch_other.pth")
        half = {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in inception.state_dict().items()}
        torch.save(half, out / "torch_inception_half.pth")
        rounded = build("inception_v3", width, 3, 2)
        rounded.load_state_dict({name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in half.items()})
        expect("torch_inception_half", rounded, "inception_v3", 2)


def of_keras(out, width):
    import keras
    from keras.src.applications import densenet, inception_v3

    conv2d_bn, dense_block, conv_block, layers = (
        inception_v3.conv2d_bn, densenet.dense_block, densenet.conv_block, densenet.layers)
    inception_v3.conv2d_bn = lambda x, filters, *rest, **more: conv2d_bn(x, scaled(filters, width), *rest, **more)
    densenet.conv_block = lambda x, growth, name: conv_block(x, scaled(growth, width), name)

    class Layers:
        """The stem's 64 channels are a number in the source."""

        def __getattr__(self, name):
            if name != "Conv2D":
                return getattr(layers, name)
            return lambda filters, size, **more: layers.Conv2D(
                scaled(64, width) if size == 7 else filters, size, **more)

    densenet.layers = Layers()

    def fill(model):
        """Seeded values near those of training."""
        for weight in model.weights:
            u = unit_values(weight.name, int(np.prod(weight.shape))).reshape(weight.shape)
            kind = weight.name.split("/")[-1].split(":")[0]
            if kind == "kernel":
                value = (2 * u - 1) * math.sqrt(6.0 / np.prod(weight.shape[:-1]))
            else:
                value = {"gamma": 0.75 + 0.5 * u, "beta": 0.4 * u - 0.2, "moving_mean": 0.2 * u - 0.1,
                         "moving_variance": 0.5 + u, "bias": 0.2 * u - 0.1}[kind]
            weight.assign(value.astype(np.float32))

    def logits(model):
        x = formula_image(3, SIDE).transpose(0, 2, 3, 1)
        for layer in model.layers[:-1] if isinstance(model, keras.Sequential) else []:
            x = layer(x, training=False)
        if isinstance(model, keras.Sequential):
            features = x.numpy()
        else:
            features = keras.Model(model.input, model.layers[-2].output)(x, training=False).numpy()
        kernel, bias = (model.layers[-1].get_weights() + [np.zeros(model.layers[-1].units)])[:2]
        return (features.astype(np.float64) @ kernel.astype(np.float64) + bias)[0].tolist()

    shape = (SIDE, SIDE, 3)
    # In a session that has built InceptionV3 before: numbers of layers begin later.
    first = inception_v3.InceptionV3(weights=None, classes=2, input_shape=shape)
    model = inception_v3.InceptionV3(weights=None, classes=3, input_shape=shape)
    fill(model)
    model.save_weights(out / "keras_inception_weights.h5")
    told(out, "keras_inception_weights", file="keras_inception_weights.h5", architecture="inception_v3",
         logits=logits(model), side=SIDE, count_include_pad=False, norm_scale=False)
    keras.backend.clear_session()
    del first

    backbone = inception_v3.InceptionV3(weights=None, include_top=False, input_shape=shape)
    model = keras.Sequential([backbone, keras.layers.GlobalAveragePooling2D(), keras.layers.Dropout(0.5),
                              keras.layers.Dense(1, activation="sigmoid", name="finding")])
    fill(model)
    model.compile("adam", "binary_crossentropy")
    x = formula_image(3, SIDE).transpose(0, 2, 3, 1)
    model.save(out / "keras_inception_nested.h5", include_optimizer=width < 0.1)
    told(out, "keras_inception_nested", file="keras_inception_nested.h5", architecture="inception_v3",
         logits=logits(model), output="sigmoid", side=SIDE, count_include_pad=False, norm_scale=False)
    keras.backend.clear_session()

    backbone = densenet.DenseNet121(weights=None, include_top=False, input_shape=shape)
    pooled = keras.layers.GlobalAveragePooling2D()(backbone.output)
    model = keras.Model(backbone.input, keras.layers.Dense(2, activation="softmax", use_bias=False)(pooled))
    fill(model)
    model.save(out / "keras_densenet.h5")
    told(out, "keras_densenet", file="keras_densenet.h5", architecture="densenet_121", logits=logits(model), side=SIDE,
         norm_eps=1.001e-5, output="softmax")
    if width < 0.1:
        import h5py
        # The same in chunks, compressed, partly in other types: what a repacked file looks like.
        with h5py.File(out / "keras_densenet.h5") as source, h5py.File(out / "keras_densenet_packed.h5", "w") as target:
            def copy(name, item):
                if isinstance(item, h5py.Dataset) and item.shape:
                    value = item[()]
                    if name.endswith("beta:0"):
                        value = value.astype(">f8")
                    target.create_dataset(name, data=value, compression="gzip", shuffle=True, fletcher32="bn" in name,
                                          chunks=tuple(max(1, (n + 1) // 2) for n in value.shape))
            source["model_weights"].visititems(copy)
        told(out, "keras_densenet_packed", file="keras_densenet_packed.h5", architecture="densenet_121",
             logits=logits(model), side=SIDE, norm_eps=1.001e-5)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--torch", action="store_true")
    parser.add_argument("--keras", action="store_true")
    parser.add_argument("--gzip", action="store_true", help="for the fixtures, most of whose bytes are 0")
    parser.add_argument("--width", type=float, default=1 / 32)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    if arguments.torch:
        of_torch(arguments.out, arguments.width)
    if arguments.keras:
        of_keras(arguments.out, arguments.width)
    if arguments.gzip:
        for path in [*arguments.out.glob("*.pth"), *arguments.out.glob("*.h5")]:
            path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes(), 9, mtime=0))
            path.unlink()
