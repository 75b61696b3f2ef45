"""PyTorch InceptionV3 and DenseNet-121 of any width, and the fixtures made with them.

    python tests/reference/networks.py --verify            # width 1.0 equals torchvision's networks bit for bit
    python tests/reference/networks.py --out tests/fixtures

Every ReLU is a module of its own (torchvision's InceptionV3 calls the function), so that guided backpropagation can
reach it. Weights and images of the fixtures come from an integer hash that `tests/common/formula.rs` computes as well,
so the fixtures hold results alone. Needs torch, torchvision, safetensors.
"""

import argparse
import math
from pathlib import Path

import numpy as np
import torch
import torchvision
from safetensors.numpy import save_file
from torch import nn
from torchvision.models.densenet import DenseNet


def scaled(channels, width):
    """Channels at a width: rounded half up, at least 1."""
    return max(1, math.floor(channels * width + 0.5))


class BasicConv2d(nn.Module):
    def __init__(self, in_channels, out_channels, kernel, stride=1, padding=0):
        super().__init__()
        self.out_channels = out_channels
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(out_channels, eps=0.001)
        self.relu = nn.ReLU()

    def forward(self, x):
        return self.relu(self.bn(self.conv(x)))


class Mixed(nn.Module):
    """An Inception module: chains of BasicConv2d that start at the input, at a pool of it, or fork at their end."""

    def __init__(self, in_channels, width, pool, chains):
        super().__init__()
        self.chains = chains
        self.avgpool = pool if isinstance(pool, nn.AvgPool2d) else None
        self.maxpool = pool if isinstance(pool, nn.MaxPool2d) else None
        self.out_channels = in_channels if self.maxpool else 0
        for chain in chains:
            channels = in_channels
            for link in chain:
                ends = []
                for name, out, kernel, stride, padding in link:
                    conv = BasicConv2d(channels, scaled(out, width), kernel, stride, padding)
                    self.add_module(name, conv)
                    ends.append(conv.out_channels)
                channels = sum(ends)
            self.out_channels += channels

    def forward(self, x):
        outputs = []
        for chain in self.chains:
            y = self.avgpool(x) if chain[0][0][0] == "branch_pool" else x
            for link in chain:
                y = torch.cat([getattr(self, name)(y) for name, *_ in link], 1) if len(link) > 1 else getattr(
                    self, link[0][0])(y)
            outputs.append(y)
        if self.maxpool:
            outputs.append(self.maxpool(x))
        return torch.cat(outputs, 1)


def conv(name, out, kernel=1, stride=1, padding=0):
    return [(name, out, kernel, stride, padding)]


def module_a(pool_channels):
    return [
        [conv("branch1x1", 64)],
        [conv("branch5x5_1", 48), conv("branch5x5_2", 64, 5, 1, 2)],
        [conv("branch3x3dbl_1", 64), conv("branch3x3dbl_2", 96, 3, 1, 1), conv("branch3x3dbl_3", 96, 3, 1, 1)],
        [conv("branch_pool", pool_channels)],
    ]


def module_b():
    return [
        [conv("branch3x3", 384, 3, 2)],
        [conv("branch3x3dbl_1", 64), conv("branch3x3dbl_2", 96, 3, 1, 1), conv("branch3x3dbl_3", 96, 3, 2)],
    ]


def module_c(c7):
    row, column = ((1, 7), 1, (0, 3)), ((7, 1), 1, (3, 0))
    return [
        [conv("branch1x1", 192)],
        [conv("branch7x7_1", c7), conv("branch7x7_2", c7, *row), conv("branch7x7_3", 192, *column)],
        [conv("branch7x7dbl_1", c7), conv("branch7x7dbl_2", c7, *column), conv("branch7x7dbl_3", c7, *row),
         conv("branch7x7dbl_4", c7, *column), conv("branch7x7dbl_5", 192, *row)],
        [conv("branch_pool", 192)],
    ]


def module_d():
    return [
        [conv("branch3x3_1", 192), conv("branch3x3_2", 320, 3, 2)],
        [conv("branch7x7x3_1", 192), conv("branch7x7x3_2", 192, (1, 7), 1, (0, 3)),
         conv("branch7x7x3_3", 192, (7, 1), 1, (3, 0)), conv("branch7x7x3_4", 192, 3, 2)],
    ]


def module_e():
    def fork(name):
        return conv(name + "a", 384, (1, 3), 1, (0, 1)) + conv(name + "b", 384, (3, 1), 1, (1, 0))
    return [
        [conv("branch1x1", 320)],
        [conv("branch3x3_1", 384), fork("branch3x3_2")],
        [conv("branch3x3dbl_1", 448), conv("branch3x3dbl_2", 384, 3, 1, 1), fork("branch3x3dbl_3")],
        [conv("branch_pool", 192)],
    ]


class InceptionV3(nn.Module):
    features_name = "Mixed_7c"

    def __init__(self, width=1.0, channels=3, classes=2, count_include_pad=True):
        super().__init__()
        average = nn.AvgPool2d(3, 1, 1, count_include_pad=count_include_pad)
        order = []

        def add(name, module):
            self.add_module(name, module)
            order.append(name)

        def basic(name, out, kernel, stride=1, padding=0):
            nonlocal channels
            add(name, BasicConv2d(channels, scaled(out, width), kernel, stride, padding))
            channels = getattr(self, name).out_channels

        def mixed(name, pool, chains):
            nonlocal channels
            add(name, Mixed(channels, width, pool, chains))
            channels = getattr(self, name).out_channels

        basic("Conv2d_1a_3x3", 32, 3, 2)
        basic("Conv2d_2a_3x3", 32, 3)
        basic("Conv2d_2b_3x3", 64, 3, 1, 1)
        add("maxpool1", nn.MaxPool2d(3, 2))
        basic("Conv2d_3b_1x1", 80, 1)
        basic("Conv2d_4a_3x3", 192, 3)
        add("maxpool2", nn.MaxPool2d(3, 2))
        for name, pool_channels in [("Mixed_5b", 32), ("Mixed_5c", 64), ("Mixed_5d", 64)]:
            mixed(name, average, module_a(pool_channels))
        mixed("Mixed_6a", nn.MaxPool2d(3, 2), module_b())
        for name, c7 in [("Mixed_6b", 128), ("Mixed_6c", 160), ("Mixed_6d", 160), ("Mixed_6e", 192)]:
            mixed(name, average, module_c(c7))
        mixed("Mixed_7a", nn.MaxPool2d(3, 2), module_d())
        for name in ["Mixed_7b", "Mixed_7c"]:
            mixed(name, average, module_e())
        self.order = order
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels, classes)

    def forward(self, x):
        for name in self.order:
            x = getattr(self, name)(x)
        return self.fc(torch.flatten(self.avgpool(x), 1))


class DenseNet121(DenseNet):
    features_name = "features.relu5"

    def __init__(self, width=1.0, channels=3, classes=2):
        growth, stem = scaled(32, width), scaled(64, width)
        super().__init__(growth, (6, 12, 24, 16), stem, num_classes=classes)
        self.features.conv0 = nn.Conv2d(channels, stem, 7, 2, 3, bias=False)
        self.features.add_module("relu5", nn.ReLU())
        for module in self.modules():
            if isinstance(module, nn.ReLU):
                module.inplace = False

    def forward(self, x):
        return self.classifier(torch.flatten(nn.functional.adaptive_avg_pool2d(self.features(x), 1), 1))


def build(architecture, width=1.0, channels=3, classes=2, count_include_pad=True):
    """A network in evaluation mode with frozen parameters."""
    if architecture == "inception_v3":
        model = InceptionV3(width, channels, classes, count_include_pad)
    else:
        model = DenseNet121(width, channels, classes)
    return model.eval().requires_grad_(False)


# The formula for weights and images; keep in step with tests/common/formula.rs.

def unit_values(name, count):
    """`count` numbers in [0, 1), multiples of 2^-24: FNV-1a of the name, then SplitMix64 by position."""
    seed = 0xCBF29CE484222325
    for byte in name.encode():
        seed = ((seed ^ byte) * 0x100000001B3) % 2**64
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + (np.arange(count, dtype=np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(40)).astype(np.float64) / 2.0**24


def formula_weights(model, norm_scale):
    """Fills a network: Kaiming's uniform kernels, batch normalization near its initial state."""
    state = model.state_dict()
    norms = {name for name, module in model.named_modules() if isinstance(module, nn.BatchNorm2d)}
    for name, tensor in state.items():
        prefix, suffix = name.rsplit(".", 1)
        if suffix == "num_batches_tracked":
            continue
        u = unit_values(name, tensor.numel())
        if prefix in norms:
            values = {
                "weight": 0.75 + 0.5 * u if norm_scale else np.ones_like(u),
                "bias": 0.4 * u - 0.2,
                "running_mean": 0.2 * u - 0.1,
                "running_var": 0.5 + u,
            }[suffix]
        elif suffix == "weight":
            fan_in = tensor[0].numel()
            values = (2.0 * u - 1.0) * math.sqrt(6.0 / fan_in)
        else:
            values = 0.2 * u - 0.1
        state[name] = torch.from_numpy(values.astype(np.float32).reshape(tensor.shape))
    model.load_state_dict(state)


def formula_image(channels, height, width):
    """A slanted ramp with noise, [1, c, h, w] in [-1, 1)."""
    noise = unit_values("image", channels * height * width).reshape(channels, height, width)
    c, row, column = np.meshgrid(np.arange(channels), np.arange(height), np.arange(width), indexing="ij")
    ramp = ((3 * row + 5 * column + 17 * c) % 64) / 64.0
    return torch.from_numpy((0.5 * ramp + 1.5 * noise - 1.0).astype(np.float32)).unsqueeze(0)


def differentiate(model, image, target, guided=False, node=None):
    """Logits, input gradient of a logit, and value and gradient of a module's output where `node` names one."""
    hooks, kept = [], []
    if guided:
        for module in model.modules():
            if isinstance(module, nn.ReLU):
                hooks.append(module.register_full_backward_hook(lambda m, gin, gout: (gin[0].clamp(min=0),)))
    if node:
        def keep(module, inputs, output):
            output.retain_grad()
            kept.append(output)
        hooks.append(model.get_submodule(node).register_forward_hook(keep))
    image = image.clone().requires_grad_(True)
    logits = model(image)
    chosen = int(logits[0].argmax()) if target is None else target
    logits[0, chosen].backward()
    for hook in hooks:
        hook.remove()
    activation = (kept[0].detach(), kept[0].grad) if node else None
    return logits.detach(), image.grad, activation


FIXTURES = {
    "inception_v3_torchvision": dict(architecture="inception_v3", width=0.125, channels=3, classes=2, size=(75, 76),
                                     count_include_pad=True, norm_scale=True, target=None,
                                     inner="Mixed_6b.branch7x7_2.relu"),
    "inception_v3_keras": dict(architecture="inception_v3", width=0.0625, channels=1, classes=3, size=(139, 107),
                               count_include_pad=False, norm_scale=False, target=2, inner="Mixed_5c"),
    "densenet_121_square": dict(architecture="densenet_121", width=0.125, channels=3, classes=2, size=(75, 75),
                                count_include_pad=True, norm_scale=True, target=None,
                                inner="features.denseblock2.denselayer3.conv2"),
    "densenet_121_oblong": dict(architecture="densenet_121", width=0.0625, channels=1, classes=4, size=(140, 97),
                                count_include_pad=True, norm_scale=True, target=3, inner="features.pool0"),
}


def l2_error(value, reference):
    return float((value.double() - reference).norm() / reference.norm())


def make_fixture(spec, path):
    model = build(spec["architecture"], spec["width"], spec["channels"], spec["classes"], spec["count_include_pad"])
    formula_weights(model, spec["norm_scale"])
    image = formula_image(spec["channels"], *spec["size"])
    nodes = {"features": model.features_name, "inner": spec["inner"]}

    def run(dtype):
        net, x = model.to(dtype), image.to(dtype)
        results = {}
        for key, node in nodes.items():
            results["logits"], results["gradient"], activation = differentiate(net, x, spec["target"], node=node)
            results[f"{key}_value"], results[f"{key}_gradient"] = activation
        _, results["guided_gradient"], _ = differentiate(net, x, spec["target"], guided=True)
        return results

    single, double = run(torch.float32), run(torch.float64)
    errors = {f"{key}_error": f"{l2_error(single[key], double[key]):.3e}" for key in double}
    alive = [float((double[key] != 0).double().mean()) for key in ("gradient", "guided_gradient")]
    print(f"{path.name}: logits {double['logits'].tolist()}, non-zero (gradient, guided) {alive}, f32 {errors}")
    spec = {key: "x".join(map(str, value)) if key == "size" else str(value).lower() if key != "inner" else value
            for key, value in spec.items()}
    metadata = spec | {"features": nodes["features"]} | errors
    save_file({key: value.numpy() for key, value in double.items()}, path, metadata)


def verify():
    """Equality with torchvision's own networks, whose weights these must accept unchanged."""
    torch.manual_seed(0)
    for architecture, theirs in [
        ("inception_v3", torchvision.models.inception_v3(weights=None, init_weights=True, transform_input=False)),
        ("densenet_121", torchvision.models.densenet121(weights=None)),
    ]:
        theirs.eval()
        ours = build(architecture, classes=1000)
        state = {name: value for name, value in theirs.state_dict().items() if not name.startswith("AuxLogits.")}
        ours.load_state_dict(state, strict=True)
        image = formula_image(3, 107, 139)
        with torch.no_grad():
            assert torch.equal(ours(image), theirs(image)), f"{architecture} differs from torchvision's"
        print(f"{architecture}: logits equal torchvision's bit for bit")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--verify", action="store_true")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    if arguments.verify:
        verify()
    if arguments.out:
        for name, spec in FIXTURES.items():
            make_fixture(spec, arguments.out / f"network_{name}.safetensors")
