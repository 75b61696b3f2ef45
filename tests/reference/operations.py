"""Single operations by PyTorch in double precision, at parameters where implementations differ.

    python tests/reference/operations.py --out tests/fixtures

Every case is one operation between an image and a fixed sum over all that it writes; `tests/operations.rs` builds the
same. The fixture holds inputs, what the operation writes, and the gradients of the sum by input and parameters.
Needs torch and safetensors.
"""

import argparse
import math
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file
from torch.nn import functional as F

from networks import unit_values

IMAGES = 2
# Bounds of piecewise functions, both zeros, values at which an exponential is infinite or nothing is left of it.
KINKS = [-200, -100, -6, -3, -2.5, -1, -0.5, -0.0, 0.0, 0.5, 1, 2.5, 3, 6, 100, 200]


def parameter(name, shape, norm=False):
    """Values by formula, as `tests/common/formula.rs` draws them: offsets of normalizations more widely than biases."""
    u = unit_values(name, math.prod(shape))
    if name.endswith("bias"):
        values = 0.4 * u - 0.2 if norm else 0.2 * u - 0.1
    elif len(shape) == 1:
        values = 0.75 + 0.5 * u
    else:
        values = (2.0 * u - 1.0) * math.sqrt(6.0 / math.prod(shape[1:]))
    return torch.from_numpy(values.astype(np.float32).reshape(shape)).double().requires_grad_(True)


def image(name, shape):
    values = 4.0 * unit_values(f"{name} input", IMAGES * math.prod(shape)) - 2.0
    return values.reshape(IMAGES, *shape)


def padded(x, before, after, value=0.0):
    return F.pad(x, (before[1], after[1], before[0], after[0]), value=value)


class Convolution:
    """`F.conv2d` behind an `F.pad`."""

    def __init__(self, channels, out, kernel, before=(0, 0), after=(0, 0), bias=True, **options):
        self.shape = (out, channels // options.get("groups", 1), *kernel)
        self.before, self.after, self.bias, self.options = before, after, bias, options

    def __call__(self, x, own):
        weight = own("weight", self.shape)
        bias = own("bias", self.shape[:1]) if self.bias else None
        return F.conv2d(padded(x, self.before, self.after), weight, bias, **self.options)


def mean_without_border(x, before, after, kernel, stride):
    ones = padded(torch.ones_like(x), before, after)
    return F.avg_pool2d(padded(x, before, after), kernel, stride) / F.avg_pool2d(ones, kernel, stride)


def layer_norm(x, own):
    channels = x.shape[1]
    weight = own("weight", (channels,))
    bias = own("bias", (channels,), norm=True)
    return F.layer_norm(x.permute(0, 2, 3, 1), (channels,), weight, bias, 1e-6).permute(0, 3, 1, 2)


def scaled(x, own):
    return x * own("weight", (x.shape[1],))[:, None, None]


def squeezed(x, own):
    return x * F.silu(x.mean((2, 3), keepdim=True))


SPATIAL = {
    "conv_grouped": ((6, 11, 10), Convolution(6, 9, (3, 2), groups=3, stride=(2, 1), dilation=(2, 3), padding=(2, 1))),
    "conv_depthwise": ((5, 13, 12), Convolution(5, 10, (5, 5), groups=5, stride=2, padding=2, bias=False)),
    "conv_wide": ((17, 9, 8), Convolution(17, 17, (7, 7), groups=17, padding=3)),
    "conv_pointwise": ((8, 5, 7), Convolution(8, 12, (1, 1), groups=4)),
    "conv_same": ((3, 8, 9), Convolution(3, 4, (3, 3), after=(1, 1), stride=2)),
    "conv_skewed": ((3, 9, 11), Convolution(3, 4, (3, 4), (2, 0), (1, 3), stride=(1, 2), dilation=(2, 1), bias=False)),
    "conv_late": ((4, 9, 11), Convolution(4, 6, (2, 3), (0, 1), (4, 2), stride=(3, 2), dilation=(3, 2), groups=2)),
    "conv_dilated": ((5, 12, 11), Convolution(5, 7, (3, 3), padding=2, dilation=2)),
    "max_ceil": ((3, 10, 12), lambda x, own: F.max_pool2d(x, (3, 2), (2, 3), (1, 0), ceil_mode=True)),
    "max_dropped": ((3, 7, 6), lambda x, own: F.max_pool2d(x, 2, 2, 1, ceil_mode=True)),
    "max_googlenet": ((2, 12, 15), lambda x, own: F.max_pool2d(x, 3, 2, ceil_mode=True)),
    "max_skewed": ((2, 9, 8), lambda x, own: F.max_pool2d(padded(x, (0, 1), (1, 0), -math.inf), (3, 2), (2, 2))),
    "avg_ceil_include": ((3, 8, 7), lambda x, own: F.avg_pool2d(x, (3, 2), 2, 1, True, True)),
    "avg_ceil_exclude": ((3, 8, 7), lambda x, own: F.avg_pool2d(x, (3, 2), 2, 1, True, False)),
    "avg_dropped_include": ((2, 7, 6), lambda x, own: F.avg_pool2d(x, 2, 2, 1, True, True)),
    "avg_ceil_bare": ((2, 8, 9), lambda x, own: F.avg_pool2d(x, (3, 2), (2, 3), 0, True, True)),
    "avg_skewed_include": ((2, 9, 8), lambda x, own: F.avg_pool2d(padded(x, (0, 1), (1, 0)), (3, 2), (2, 2))),
    "avg_skewed_exclude": ((2, 9, 8), lambda x, own: mean_without_border(x, (0, 1), (1, 0), (3, 2), (2, 2))),
    "adaptive_down": ((3, 5, 7), lambda x, own: F.adaptive_avg_pool2d(x, (3, 4))),
    "adaptive_up": ((2, 3, 2), lambda x, own: F.adaptive_avg_pool2d(x, (4, 5))),
    "adaptive_equal": ((2, 7, 7), lambda x, own: F.adaptive_avg_pool2d(x, 7)),
    "layer_norm": ((6, 4, 5), layer_norm),
    "scale": ((3, 4, 5), scaled),
    "scale_bias": ((3, 4, 5), lambda x, own: scaled(x, own) + own("bias", (x.shape[1],), norm=True)[:, None, None]),
    "mul_broadcast": ((3, 4, 5), squeezed),
    "mul_equal": ((3, 4, 5), lambda x, own: x * torch.tanh(x)),
    "mul_self": ((3, 4, 5), lambda x, own: x * x),
    "add_self": ((3, 4, 5), lambda x, own: x + x),
    "pad": ((2, 3, 4), lambda x, own: padded(x, (2, 0), (1, 3))),
}

def hard_sigmoid(x):
    """As `F.hardsigmoid`, whose derivative is the 1/6 of single precision in double precision, too."""
    y = F.relu6(x + 3.0) / 6.0
    slopes = [torch.autograd.grad(value.sum(), x, retain_graph=True)[0] for value in (y, F.hardsigmoid(x))]
    assert torch.equal(slopes[0] == 0, slopes[1] == 0) and torch.allclose(*slopes, rtol=1e-7, atol=0)
    return y


FUNCTIONS = {
    "relu6": F.relu6,
    "clip": lambda x: F.hardtanh(x, -1.0, 0.5),
    "sigmoid": torch.sigmoid,
    "silu": F.silu,
    "hard_sigmoid": hard_sigmoid,
    "hard_sigmoid_quarter": lambda x: F.hardtanh(0.25 * x + 0.5, 0.0, 1.0),
    "hard_swish": F.hardswish,
    "gelu": F.gelu,
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
    "leaky_relu": lambda x: F.leaky_relu(x, 0.125),
    "elu": lambda x: F.elu(x, 0.5),
    "tanh": torch.tanh,
}


def run(name, values, operation, results):
    # The input is what single precision holds.
    x = torch.from_numpy(values.astype(np.float32)).double().requires_grad_(True)
    parameters = {}

    def own(suffix, shape, norm=False):
        parameters[f"op.{suffix}"] = parameter(f"op.{suffix}", shape, norm)
        return parameters[f"op.{suffix}"]

    y = operation(x, own)
    total = (y.flatten(1) * parameter("fc.weight", (1, y[0].numel()))).sum()
    gradients = torch.autograd.grad(total, [x, *parameters.values()])
    results[f"{name} input"] = x.detach().float()
    results[f"{name} output"] = y.detach()
    results[f"{name} gradient"] = gradients[0]
    for parameter_name, gradient in zip(parameters, gradients[1:]):
        results[f"{name} {parameter_name}"] = gradient
    print(name, list(y.shape), total.item())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    found = {}
    for name, (shape, operation) in SPATIAL.items():
        values = image(name, shape)
        if name.startswith("max"):
            # Few levels: many maxima tie.
            values = np.floor(2.0 * values) / 2.0
        run(name, values, operation, found)
    drawn = 8.0 * unit_values("functions", 20) - 4.0
    values = np.array([KINKS + drawn.tolist()] * IMAGES).reshape(IMAGES, 1, 4, 9)
    for name, function in FUNCTIONS.items():
        run(name, values, lambda x, own: function(x), found)
    arrays = {key: np.ascontiguousarray(value.numpy()) for key, value in found.items()}
    save_file(arrays, arguments.out / "operations.safetensors")
