"""torchvision's classifiers against ours: fixtures with one narrow network of each family, the names and shapes of every
tensor of all of them, and a comparison of the program with PyTorch at full width.

    python tests/reference/families.py --out tests/fixtures
    python tests/reference/families.py --work /tmp/families --binary target/release/saliscope [--only resnet_50,vgg_16]

The fixtures' weights and images come from the formula of `networks.py`, so they hold results alone. At full width weights are
drawn from a seed and statistics measured on synthetic images (as `full_width.py` does); logits, input gradient and Grad-CAM
of the program and of PyTorch in single precision are compared with PyTorch in double precision. Needs torch, torchvision,
safetensors, pillow.
"""

import argparse
import copy
import gc
import hashlib
import json
import math
import re
import shutil
import subprocess
from pathlib import Path

import full_width
import numpy as np
import torch
import torchvision.models as zoo
from PIL import Image
from networks import differentiate, formula_image, l2_error, scaled, unit_values
from safetensors.numpy import save_file
from torch import nn
from torchvision.models import densenet, efficientnet, mobilenetv2, mobilenetv3, regnet
from torchvision.models.googlenet import BasicConv2d

ARCHITECTURES = [
    "inception_v3",
    *(f"densenet_{depth}" for depth in (121, 161, 169, 201)),
    *(f"resnet_{depth}" for depth in (18, 34, 50, 101, 152)),
    "resnext_50_32x4d", "resnext_101_32x8d", "resnext_101_64x4d", "wide_resnet_50_2", "wide_resnet_101_2",
    *(f"vgg_{depth}" for depth in (11, 13, 16, 19)), *(f"vgg_{depth}_bn" for depth in (11, 13, 16, 19)),
    "alexnet", "googlenet", "mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large",
    *(f"efficientnet_b{number}" for number in range(8)), *(f"efficientnet_v2_{size}" for size in "sml"),
    *(f"regnet_x_{size}" for size in ("400mf", "800mf", "1_6gf", "3_2gf", "8gf", "16gf", "32gf")),
    *(f"regnet_y_{size}" for size in ("400mf", "800mf", "1_6gf", "3_2gf", "8gf", "16gf", "32gf", "128gf")),
    *(f"convnext_{size}" for size in ("tiny", "small", "base", "large")),
]


def published(architecture, classes):
    """torchvision's network of that name."""
    theirs = re.sub(r"(densenet|resnet|resnext|vgg)_(?=\d)", r"\1", architecture)
    extra = {"init_weights": False} if architecture in ("inception_v3", "googlenet") else {}
    return getattr(zoo, theirs)(weights=None, num_classes=classes, **extra)


# Narrow networks.

def narrow(model, width):
    """Every layer with that share of its channels, which must be whole numbers; image and logits keep theirs."""
    layers = [(name, module) for name, module in model.named_modules()
              if isinstance(module, (nn.Conv2d, nn.Linear, nn.BatchNorm2d, nn.LayerNorm))]
    kernels = [name for name, module in layers if isinstance(module, (nn.Conv2d, nn.Linear))]

    def share(channels):
        assert (channels * width).is_integer(), channels
        return int(channels * width)

    for name, module in layers:
        read = (lambda channels: channels) if name == kernels[0] else share
        write = (lambda channels: channels) if name == kernels[-1] else share
        if isinstance(module, nn.Conv2d):
            is_depthwise = module.groups == module.in_channels and module.groups > 1
            new = nn.Conv2d(read(module.in_channels), write(module.out_channels), module.kernel_size, module.stride,
                            module.padding, groups=write(module.groups) if is_depthwise else module.groups,
                            bias=module.bias is not None)
        elif isinstance(module, nn.Linear):
            new = nn.Linear(read(module.in_features), write(module.out_features))
        elif isinstance(module, nn.BatchNorm2d):
            new = nn.BatchNorm2d(share(module.num_features), eps=module.eps)
        else:
            new = type(module)(share(module.normalized_shape[0]), eps=module.eps)
        parent, _, last = name.rpartition(".")
        setattr(model.get_submodule(parent), last, new)
    for block in model.modules():
        if hasattr(block, "layer_scale"):
            block.layer_scale = nn.Parameter(torch.ones(share(len(block.layer_scale)), 1, 1))
    return model


def narrowed(architecture, width, classes):
    """A network of that width, by the rule that torchvision has for its family, or else by every layer's channels."""
    if architecture.startswith("densenet_"):
        growth, depths, stem = {"161": (48, (6, 12, 36, 24), 96), "169": (32, (6, 12, 32, 32), 64),
                                "201": (32, (6, 12, 48, 32), 64)}[architecture.split("_")[1]]
        return densenet.DenseNet(scaled(growth, width), depths, scaled(stem, width), num_classes=classes)
    if architecture == "mobilenet_v2":
        return mobilenetv2.MobileNetV2(classes, width)
    if architecture.startswith("mobilenet_v3"):
        return mobilenetv3.MobileNetV3(*mobilenetv3._mobilenet_v3_conf(architecture, width), num_classes=classes)
    if architecture.startswith("efficientnet_b"):
        table, depth, eps = {"0": (1.0, 1.0, 1e-5), "2": (1.1, 1.2, 1e-5), "5": (1.6, 2.2, 1e-3)}[architecture[-1]]
        stages, last = efficientnet._efficientnet_conf(architecture, width_mult=table * width, depth_mult=depth)
        norm = lambda channels: nn.BatchNorm2d(channels, eps=eps)
        return efficientnet.EfficientNet(stages, 0.2, num_classes=classes, norm_layer=norm, last_channel=last)
    model = published(architecture, classes)
    if architecture == "googlenet":
        model.aux1 = model.aux2 = None
    return narrow(model, width)


class OpenConv(BasicConv2d):
    """GoogLeNet's convolution with a ReLU that is a module."""

    def forward(self, x):
        return self.relu(self.bn(self.conv(x)))


class OpenDenseNet(densenet.DenseNet):
    """The same of DenseNet's last ReLU."""

    def forward(self, x):
        return self.classifier(self.features(x).mean((2, 3)))


def prepared(model, channels=3):
    """In evaluation mode and without gradients by weights; image of that many channels; ReLUs are modules that hooks reach."""
    if channels != 3:
        name, first = next((name, module) for name, module in model.named_modules() if isinstance(module, nn.Conv2d))
        new = nn.Conv2d(channels, first.out_channels, first.kernel_size, first.stride, first.padding,
                        bias=first.bias is not None)
        parent, _, last = name.rpartition(".")
        setattr(model.get_submodule(parent), last, new)
    for module in list(model.modules()):
        if getattr(module, "inplace", False) is True:
            module.inplace = False
        if isinstance(module, BasicConv2d):
            module.relu = nn.ReLU()
            module.__class__ = OpenConv
    if isinstance(model, densenet.DenseNet):
        model.features.add_module("relu5", nn.ReLU())
        model.__class__ = OpenDenseNet
    return model.eval().requires_grad_(False)


def features_name(model):
    """The module whose output Grad-CAM reads."""
    if isinstance(model, densenet.DenseNet):
        return "features.relu5"
    names = dict(model.named_children())
    return next(name for name in ("Mixed_7c", "inception5b", "layer4", "trunk_output", "features") if name in names)


def is_guided(model):
    other = (nn.SiLU, nn.Hardswish, nn.Hardsigmoid, nn.Sigmoid, nn.GELU)
    return not any(isinstance(module, other) for module in model.modules())


def canonical(name):
    return name + ".weight" if name.endswith(".layer_scale") else name


def tensors(model):
    """Names and tensors that a network computes with, as this project calls them."""
    unused = re.compile(r"^(AuxLogits|aux1|aux2)\.|\.num_batches_tracked$")
    return {canonical(name): value for name, value in model.state_dict().items() if not unused.search(name)}


def formula_weights(model):
    """Fills a network by the formula of `networks.py`, which knows no layer normalization."""
    norms = {name for name, module in model.named_modules()
             if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d, nn.LayerNorm))}
    for name, tensor in tensors(model).items():
        prefix, suffix = name.rsplit(".", 1)
        u = unit_values(name, tensor.numel())
        if prefix in norms or prefix.endswith(".layer_scale"):
            values = {"weight": 0.75 + 0.5 * u, "bias": 0.4 * u - 0.2, "running_mean": 0.2 * u - 0.1,
                      "running_var": 0.5 + u}[suffix]
        elif suffix == "weight":
            values = (2.0 * u - 1.0) * math.sqrt(6.0 / tensor[0].numel())
        else:
            values = 0.2 * u - 0.1
        tensor.copy_(torch.from_numpy(values.astype(np.float32).reshape(tensor.shape)))


def mlp(features, classes):
    """A head with normalization and dropout, and ours of it; its layers are renumbered without the dropout."""
    head = nn.Sequential(nn.Linear(features, 10, bias=False), nn.BatchNorm1d(10), nn.ReLU(), nn.Linear(10, 6), nn.GELU(),
                         nn.Linear(6, classes))
    ours = {"hidden": [{"linear": {"features": 10, "bias": False}}, {"batch_norm": {"eps": 1e-5}}, {"function": "relu"},
                       {"linear": {"features": 6}}, {"function": "gelu"}]}
    return head, ours


# One of each family. The sizes are such that no value lies so near to a kink of its function that rounding could cross it.
FIXTURES = {
    "resnet_18": dict(width=0.125, channels=1, classes=3, size=(49, 60), target=2),
    "resnet_50": dict(width=0.125, channels=3, classes=2, size=(41, 30), target=None, head="mlp"),
    "resnext_50_32x4d": dict(width=0.25, channels=1, classes=2, size=(38, 40), target=None),
    "wide_resnet_50_2": dict(width=0.125, channels=1, classes=2, size=(45, 32), target=0),
    "densenet_161": dict(width=0.125, channels=1, classes=2, size=(50, 37), target=None),
    "vgg_11": dict(width=0.0625, channels=1, classes=4, size=(70, 83), target=3),
    "vgg_13_bn": dict(width=0.0625, channels=1, classes=2, size=(67, 32), target=None),
    "alexnet": dict(width=0.125, channels=1, classes=2, size=(97, 110), target=None),
    "googlenet": dict(width=0.125, channels=3, classes=2, size=(43, 58), target=None),
    "mobilenet_v2": dict(width=0.25, channels=1, classes=2, size=(48, 58), target=None),
    "mobilenet_v3_small": dict(width=0.25, channels=1, classes=3, size=(47, 54), target=1),
    "mobilenet_v3_large": dict(width=0.25, channels=1, classes=2, size=(39, 49), target=None),
    "efficientnet_b0": dict(width=0.25, channels=1, classes=2, size=(43, 52), target=None),
    "efficientnet_b5": dict(width=0.1, channels=1, classes=2, size=(33, 38), target=None),
    "regnet_x_400mf": dict(width=0.25, channels=1, classes=2, size=(51, 44), target=None),
    "regnet_y_400mf": dict(width=0.5, channels=1, classes=2, size=(38, 46), target=None),
    "convnext_tiny": dict(width=0.125, channels=3, classes=2, size=(67, 50), target=None),
}


def make_fixture(architecture, spec, path):
    model = narrowed(architecture, spec["width"], spec["classes"])
    metadata = {"architecture": architecture, "target": str(spec["target"]).lower(), "width": str(spec["width"]),
                "channels": str(spec["channels"]), "classes": str(spec["classes"]),
                "size": "x".join(map(str, spec["size"]))}
    if spec.get("head"):
        model.fc, ours = mlp(model.fc.in_features, spec["classes"])
        metadata["head"] = json.dumps(ours)
    model = prepared(model, spec["channels"])
    formula_weights(model)
    image, features = formula_image(spec["channels"], *spec["size"]), features_name(model)

    def run(dtype):
        net, x = copy.deepcopy(model).to(dtype), image.to(dtype)
        results = {}
        results["logits"], results["gradient"], activation = differentiate(net, x, spec["target"], node=features)
        results["features_value"], results["features_gradient"] = activation
        if is_guided(net):
            hooks = [module.register_full_backward_hook(lambda m, gin, gout: (gin[0].clamp(min=0),))
                     for module in net.modules() if isinstance(module, nn.ReLU6)]
            _, results["guided_gradient"], _ = differentiate(net, x, spec["target"], guided=True)
            for hook in hooks:
                hook.remove()
        return results

    single, double = run(torch.float32), run(torch.float64)
    errors = {f"{key}_error": f"{l2_error(single[key], double[key]):.3e}" for key in double}
    alive = {key: round(float((double[key] != 0).double().mean()), 2) for key in double}
    print(f"{path.name}: logits {double['logits'].tolist()}, non-zero {alive}, f32 {errors}")
    save_file({key: value.contiguous().numpy() for key, value in double.items()}, path, metadata | errors)


def make_tensor_list(path):
    """For every architecture with five classes a hash of the names and shapes of its tensors."""
    found = {}
    # RegNet computes its widths with tensors, which need values.
    widths = regnet.BlockParams.from_init_params.__func__

    def on_cpu(*arguments, **options):
        with torch.device("cpu"):
            return widths(*arguments, **options)

    regnet.BlockParams.from_init_params = classmethod(on_cpu)
    for architecture in ARCHITECTURES:
        with torch.device("meta"):
            model = published(architecture, 5)
        lines = []
        for name, value in sorted(tensors(model).items()):
            shape = list(value.shape)
            while shape and shape[-1] == 1:
                shape.pop()
            lines.append(f"{name} {shape}".replace(" ", "") + "\n")
        found[architecture] = hashlib.sha256("".join(lines).encode()).hexdigest()
    path.write_text(json.dumps(found, indent=1) + "\n")


# Full width.

def scale(gray):
    """float32 [1, 3, h, w] by ImageNet's means and deviations, as the program scales."""
    mean, std = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])
    planes = np.repeat((gray.astype(np.float32) / 255)[None], 3, 0)
    return ((planes - mean[:, None, None]) / std[:, None, None])[None]


def seeded(architecture, size):
    """torchvision's initial weights, statistics measured on synthetic images: untouched ones would let signals grow."""
    torch.manual_seed(7)
    model = published(architecture, 2)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.8, 1.2)
            nn.init.normal_(module.bias, 0.0, 0.1)
            module.reset_running_stats()
            module.momentum = None
        elif isinstance(module, nn.Conv2d) and architecture.startswith(("densenet", "googlenet", "inception")):
            nn.init.kaiming_normal_(module.weight)
        if hasattr(module, "layer_scale"):
            nn.init.uniform_(module.layer_scale, 0.1, 0.3)
    if any(isinstance(module, nn.BatchNorm2d) for module in model.modules()):
        batch = torch.from_numpy(np.concatenate([scale(full_width.various_image(size, number)) for number in range(4)]))
        model.train()
        with torch.no_grad():
            model(batch)
    for head in ("AuxLogits", "aux1", "aux2"):
        if hasattr(model, head):
            setattr(model, head, None)
    return prepared(model)


def torch_results(model, image, dtype, target):
    """Logits, input gradient, and Grad-CAM's grid: the mean of each map's gradient weighs the map, what is positive stays."""
    net = copy.deepcopy(model).to(dtype)
    logits, gradient, (value, by_value) = differentiate(net, image.to(dtype), target, node=features_name(net))
    grid = (by_value.mean((2, 3), keepdim=True) * value).sum(1)[0].clamp(min=0)
    return {"logits": logits[0].numpy(), "gradient": gradient[0].numpy(), "GCAM": grid.numpy()}


def compare(architecture, arguments):
    """Relative errors of the program and of PyTorch in single precision, both against PyTorch in double precision."""
    size = max(arguments.size, 299) if architecture == "inception_v3" else arguments.size
    folder = arguments.work / architecture
    folder.mkdir(parents=True, exist_ok=True)
    model = seeded(architecture, size)
    weights = folder / "model.safetensors"
    save_file({name: value.contiguous().numpy() for name, value in tensors(model).items()}, weights)
    card = {"architecture": architecture, "input_size": [size, size], "scaling": "imagenet"}
    (folder / "model.json").write_text(json.dumps(card))
    gray = full_width.synthetic_radiograph(size, arguments.image)
    Image.fromarray(gray).save(folder / "image.png")
    image = torch.from_numpy(scale(gray))
    with torch.no_grad():
        target = int(model(image)[0].argmax())
    if not torch_results(model, image, torch.float32, target)["GCAM"].any():
        # Nothing speaks for this class; a map of zeros would compare nothing.
        target = 1 - target
    single, double = (torch_results(model, image, dtype, target) for dtype in (torch.float32, torch.float64))
    del model
    gc.collect()
    command = [str(arguments.binary), "explain", "--model", str(weights), "--image", str(folder / "image.png"), "--methods",
               "GRAD,GCAM", "--intermediates", "--class", str(target), "--threads", "2", "--device", "cpu", "--executor",
               arguments.executor, "--quiet", "--out", str(folder / "out")]
    shutil.rmtree(folder / "out", ignore_errors=True)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    found = np.load(next((folder / "out").rglob("maps.npz")))
    weights.unlink()
    ours = {"logits": found["logits"].ravel(), "gradient": found["GRAD_signed"], "GCAM": found["GCAM_grid"]}
    return {key: (full_width.relative(ours[key], double[key]), full_width.relative(single[key], double[key])) for key in double}


def compare_all(arguments, only):
    print(f"{'architecture':20} " + " ".join(f"{key:>10} {'torch f32':>10}" for key in ("logits", "gradient", "GCAM")))
    for architecture in only or ARCHITECTURES:
        errors = compare(architecture, arguments)
        # Logits and Grad-CAM to 1e-5 or three times PyTorch's error; gradients have kinks and no floor.
        bars = {"logits": 1e-5, "gradient": 0.0, "GCAM": 1e-5}
        passes = all(own <= max(bars[key], 3 * theirs) for key, (own, theirs) in errors.items())
        figures = " ".join(f"{own:10.2e} {theirs:10.2e}" for own, theirs in errors.values())
        print(f"{architecture:20} {figures} {'' if passes else 'TOO FAR'}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--work", type=Path, help="folder for the comparison at full width")
    parser.add_argument("--binary", type=Path, default=Path("target/release/saliscope"))
    parser.add_argument("--executor", choices=["cpu", "candle"], default="cpu")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--image", type=int, default=3, help="seed of the image")
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    only = [name for name in arguments.only.split(",") if name]
    if arguments.out:
        if not only:
            make_tensor_list(arguments.out / "torchvision_tensors.json")
        for name, spec in FIXTURES.items():
            if not only or name in only:
                make_fixture(name, spec, arguments.out / f"family_{name}.safetensors")
    if arguments.work:
        torch.set_num_threads(2)
        compare_all(arguments, only)
