"""ONNX files of narrow networks by both exporters of PyTorch, by tf2onnx and Keras, and what they give, for tests/onnx.rs.

    python tests/reference/onnx_models.py --fixtures tests/fixtures/onnx   # all but Keras: torch, torchvision, onnx, onnxruntime
    python tests/reference/onnx_models.py --keras tests/fixtures/onnx      # needs tensorflow, keras 3, tf2onnx
    python tests/reference/onnx_models.py --random 200 --out /tmp/random   # random graphs, for the test `random_graphs`
    python tests/reference/onnx_models.py --full resnet18 googlenet --out /tmp/full  # torchvision's, `timm:`, `monai:`, `xrv:`

Then, for the last two,

    ONNX_CASES=/tmp/random cargo test --release --test onnx -- --ignored --nocapture cases_of_a_folder

`expected.json` holds for every file the logits for the image of `formula_image` and every STEP-th number of the gradient of the first
logit by it: by PyTorch in double precision, for Keras by TensorFlow in single precision. Every case has what a user's
network may have; the older exporter keeps names and folds batch normalization, the newer one rewrites more.
"""

import argparse
import gzip
import json
import os
import sys
import warnings
from pathlib import Path

import numpy as np

STEP = 7
warnings.filterwarnings("ignore")


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


class Fixtures:
    """Packed files, and one table of what they give."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.table = self.folder / "expected.json"
        self.told = json.loads(self.table.read_text()) if self.table.exists() else {}

    def keep(self, name, data, **what):
        (self.folder / f"{name}.onnx.gz").write_bytes(gzip.compress(data, 9, mtime=0))
        if what:
            self.told[name] = what
            self.table.write_text(json.dumps(self.told, indent=0, sort_keys=True) + "\n")
        print(name, len(data), {key: value for key, value in what.items() if key != "gradient"}, flush=True)


def rounded(values):
    return [float(f"{value:.9g}") for value in np.asarray(values).flatten()]


# Networks of PyTorch


def torch_networks():
    import torch
    from torch import nn
    from torch.nn import functional as F

    class Residual(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1, self.bn1, self.pool = nn.Conv2d(3, 6, 7, 2, 3, bias=False), nn.BatchNorm2d(6), nn.MaxPool2d(3, 2, 1)
            self.layer1 = self.block(6, 6, 1)
            self.layer2 = self.block(6, 10, 2)
            self.avgpool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(10, 3)

        def block(self, channels, out, stride):
            parts = dict(conv1=nn.Conv2d(channels, out, 3, stride, 1, bias=False), bn1=nn.BatchNorm2d(out),
                         conv2=nn.Conv2d(out, out, 3, 1, 1, groups=2, bias=False), bn2=nn.BatchNorm2d(out))
            if stride > 1:
                parts["downsample"] = nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))
            return nn.ModuleDict(parts)

        def forward(self, x):
            x = self.pool(F.relu(self.bn1(self.conv1(x))))
            for block in (self.layer1, self.layer2):
                y = F.relu(block["bn1"](block["conv1"](x)))
                y = block["bn2"](block["conv2"](y))
                x = F.relu(y + (block["downsample"](x) if "downsample" in block else x))
            return self.fc(torch.flatten(self.avgpool(x), 1))

    class Dense(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv0 = nn.Conv2d(1, 6, 5, 2, 2, bias=False)
            self.layers = nn.ModuleList(
                nn.Sequential(nn.BatchNorm2d(6 + 3 * i), nn.ReLU(), nn.Conv2d(6 + 3 * i, 3, 3, padding=1, bias=False)) for i in range(3))
            self.transition = nn.Sequential(nn.BatchNorm2d(15), nn.ReLU(), nn.Conv2d(15, 8, 1, bias=False), nn.AvgPool2d(2, 2))
            self.norm5, self.classifier = nn.BatchNorm2d(8), nn.Linear(8, 2)

        def forward(self, x):
            x = self.conv0(x)
            for layer in self.layers:
                x = torch.cat([x, layer(x)], 1)
            x = F.relu(self.norm5(self.transition(x)))
            return self.classifier(F.adaptive_avg_pool2d(x, 1).flatten(1))

    class Squeeze(nn.Module):
        """A narrow MBConv with squeeze-and-excitation."""

        def __init__(self, inner, gate, activation):
            super().__init__()
            self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), activation())
            self.expand = nn.Sequential(nn.Conv2d(8, 16, 1, bias=False), nn.BatchNorm2d(16), activation())
            self.depth = nn.Sequential(nn.Conv2d(16, 16, 5, 2, 2, groups=16, bias=False), nn.BatchNorm2d(16), activation())
            self.fc1, self.fc2, self.inner, self.gate = nn.Conv2d(16, 4, 1), nn.Conv2d(4, 16, 1), inner(), gate()
            self.project = nn.Sequential(nn.Conv2d(16, 8, 1, bias=False), nn.BatchNorm2d(8))
            self.head = nn.Sequential(nn.Dropout(0.2), nn.Linear(8, 6), activation(), nn.Linear(6, 2))

        def forward(self, x):
            x = self.depth(self.expand(self.stem(x)))
            s = x.mean((2, 3), keepdim=True)
            x = self.project(x * self.gate(self.fc2(self.inner(self.fc1(s)))))
            return self.head(x.mean([2, 3]))

    class ConvNext(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem, self.norm0 = nn.Conv2d(3, 8, 4, 4), nn.LayerNorm(8, 1e-6)
            self.depth, self.norm = nn.Conv2d(8, 8, 7, padding=3, groups=8), nn.LayerNorm(8, 1e-6)
            self.up, self.down, self.scale = nn.Linear(8, 16), nn.Linear(16, 8), nn.Parameter(torch.rand(8, 1, 1))
            self.norm2, self.head = nn.LayerNorm(8, 1e-6), nn.Linear(8, 3)

        def forward(self, x):
            x = self.norm0(self.stem(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
            y = self.down(F.gelu(self.up(self.norm(self.depth(x).permute(0, 2, 3, 1)))))
            x = x + self.scale * y.permute(0, 3, 1, 2)
            # Channels first, by hand, as the first ConvNeXt has it.
            mean = x.mean(1, keepdim=True)
            x = (x - mean) / torch.sqrt((x - mean).pow(2).mean(1, keepdim=True) + 1e-6)
            x = self.norm2.weight[:, None, None] * x + self.norm2.bias[:, None, None]
            return self.head(F.gelu(x.mean([-2, -1]), approximate="tanh"))

    class Flat(nn.Module):
        def __init__(self):
            super().__init__()
            self.features = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2, 2), nn.Conv2d(6, 8, 3, padding=2, dilation=2),
                                          nn.LeakyReLU(0.1), nn.MaxPool2d(2, 2))
            self.classifier = nn.Sequential(nn.Linear(8 * 8 * 8, 5), nn.ReLU(), nn.Dropout(), nn.Linear(5, 4))

        def forward(self, x):
            return self.classifier(torch.flatten(self.features(x), 1))

    class Inception(nn.Module):
        """The branches of an Inception, and torchvision's transform_input."""

        def __init__(self):
            super().__init__()
            self.conv, self.a, self.b = nn.Conv2d(3, 6, 3, 2, 1), nn.Conv2d(6, 4, (1, 7), padding=(0, 3)), nn.Conv2d(6, 4, (7, 1), padding=(3, 0))
            self.pooled, self.fc = nn.Conv2d(6, 4, 1), nn.Linear(12, 2)

        def forward(self, x):
            parts = [torch.unsqueeze(x[:, i], 1) * (s / 0.5) + (m - 0.5) / 0.5
                     for i, (s, m) in enumerate([(0.229, 0.485), (0.224, 0.456), (0.225, 0.406)])]
            x = F.relu(self.conv(torch.cat(parts, 1)))
            pooled = self.pooled(F.avg_pool2d(x, 3, 1, 1))
            x = torch.cat([F.relu(self.a(x)), F.relu(self.b(x)), F.relu(pooled)], 1)
            x = F.max_pool2d(x, 3, 2, ceil_mode=True)
            x = F.avg_pool2d(x, 2, 2, padding=1, ceil_mode=True, count_include_pad=False)
            return self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1))

    class Labels(nn.Module):
        """One channel, and TorchXRayVision's rescaling of probabilities by thresholds."""

        def __init__(self, thresholds=True):
            super().__init__()
            self.conv, self.norm, self.classifier = nn.Conv2d(1, 6, 3, 2, 1), nn.BatchNorm2d(6), nn.Linear(6, 5)
            self.thresholds = thresholds
            self.register_buffer("op_threshs", torch.tensor([0.3, 0.6, float("nan"), 0.5, 0.45]))

        def logits(self, x):
            return self.classifier(F.relu(self.norm(self.conv(x))).mean([2, 3]))

        def forward(self, x):
            outputs = torch.sigmoid(self.logits(x))
            if not self.thresholds:
                return outputs
            threshs = self.op_threshs.expand(outputs.shape[0], -1)
            rescaled = torch.zeros(outputs.shape) + 0.5
            low = (outputs < threshs) & ~torch.isnan(threshs)
            rescaled[low] = outputs[low] / (threshs[low] * 2)
            high = ~(outputs < threshs) & ~torch.isnan(threshs)
            rescaled[high] = 1.0 - ((1.0 - outputs[high]) / ((1 - threshs[high]) * 2))
            return rescaled

    class Shared(nn.Module):
        """One convolution at two places, a normalized image, probabilities and the class."""

        def __init__(self):
            super().__init__()
            self.first, self.twice, self.fc = nn.Conv2d(3, 6, 3, 2), nn.Conv2d(6, 6, 3, padding=1), nn.Linear(6, 3)
            self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1))
            self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1))

        def logits(self, x):
            x = F.relu(self.first((x - self.mean) / self.std))
            x = F.relu(self.twice(F.relu(self.twice(x))))
            return self.fc(x.mean((2, 3)))

        def forward(self, x):
            p = F.softmax(self.logits(x), 1)
            return p.argmax(1), p

    class Single(nn.Module):
        """A gray image that is repeated, a single logit, and both probabilities."""

        def __init__(self):
            super().__init__()
            self.conv, self.fc = nn.Conv2d(3, 6, 3, 2, 1), nn.Linear(6, 1)

        def logits(self, x):
            x = F.elu(self.conv(F.pad(x.expand(-1, 3, -1, -1), (0, 1, 0, 1))))
            return self.fc(torch.tanh(x).amax((2, 3)))

        def forward(self, x):
            p = torch.sigmoid(self.logits(x))
            return torch.cat([1 - p, p], 1)

    def make(name, *arguments):
        torch.manual_seed(sum(name.encode()))
        return globals_[name](*arguments)

    globals_ = dict(Residual=Residual, Dense=Dense, Squeeze=Squeeze, ConvNext=ConvNext, Flat=Flat, Inception=Inception,
                    Labels=Labels, Shared=Shared, Single=Single)
    return [
        ("residual", make("Residual"), 3, 32, None, [12, 20]),
        ("dense", make("Dense"), 1, 32, None, [20]),
        ("squeeze_silu", make("Squeeze", nn.SiLU, nn.Sigmoid, nn.SiLU), 3, 32, None, [20]),
        ("squeeze_hard", make("Squeeze", nn.ReLU, nn.Hardsigmoid, nn.Hardswish), 3, 32, None, [11, 20]),
        ("squeeze_relu6", make("Squeeze", nn.ReLU6, nn.Sigmoid, nn.ReLU6), 3, 32, None, [10, 20]),
        ("convnext", make("ConvNext"), 3, 32, None, [16, 20]),
        ("flat", make("Flat"), 3, 32, None, [9, 20]),
        ("inception", make("Inception"), 3, 31, None, [20]),
        ("labels", make("Labels"), 1, 24, "sigmoid", [20]),
        ("sigmoid", make("Labels", False), 1, 24, "sigmoid", [20]),
        ("shared", make("Shared"), 3, 20, "softmax", [20]),
        ("single", make("Single"), 1, 24, "sigmoid", [20]),
    ]


def settle(model, channels, side):
    """Statistics and factors of batch normalization that differ from one channel to the next."""
    import torch

    norms = [m for m in model.modules() if isinstance(m, torch.nn.modules.batchnorm._BatchNorm)]
    image = torch.from_numpy(formula_image(channels, side))
    model.train()
    for norm in norms:
        norm.momentum = 1.0
        with torch.no_grad():
            norm.weight.uniform_(0.6, 1.4)
            norm.bias.uniform_(-0.3, 0.3)
    with torch.no_grad():
        model(torch.cat([image, 0.7 * image + 0.1, image.flip(3)]))
    return model.eval()


def reference(model, image):
    """Logits and the gradient of the first, in double precision."""
    import torch

    model.double()
    x = torch.from_numpy(image).double().requires_grad_()
    y = getattr(model, "logits", model)(x)
    y = y[0] if isinstance(y, tuple) else y
    gradient = torch.autograd.grad(y.flatten()[0], x)[0]
    model.float()
    return y.detach().flatten().numpy(), gradient.numpy()


def exported(model, image, path, dynamo, opset=None, **options):
    import torch

    options = dict(options, verbose=False, dynamo=dynamo)
    if opset:
        options["opset_version"] = opset
    if dynamo:
        options.setdefault("external_data", False)
    torch.onnx.export(model, (torch.from_numpy(image),), str(path), **options)


def check_with_onnxruntime(path, image, model):
    import onnxruntime
    import torch

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    found = session.run(None, {session.get_inputs()[0].name: image})
    with torch.no_grad():
        expected = model(torch.from_numpy(image))
    expected = expected if isinstance(expected, tuple) else (expected,)
    return max(float(np.abs(f - e.numpy()).max()) for f, e in zip(found, expected))


def of_torch(fixtures, work):
    for name, model, channels, side, output, opsets in torch_networks():
        image = formula_image(channels, side)
        settle(model, channels, side)
        logits, gradient = reference(model, image)
        what = dict(channels=channels, side=side, output=output, logits=rounded(logits), gradient=rounded(gradient.flatten()[::STEP]))
        for opset in opsets:
            path = work / f"{name}.onnx"
            exported(model, image, path, False, opset)
            print("onnxruntime differs by", check_with_onnxruntime(path, image, model))
            fixtures.keep(f"{name}_script{opset}", path.read_bytes(), **what)
        path = work / f"{name}.onnx"
        exported(model, image, path, True)
        print("onnxruntime differs by", check_with_onnxruntime(path, image, model))
        fixtures.keep(f"{name}_dynamo", path.read_bytes(), **what)
    # Values in a file beside it; open extents and an open number of images.
    name, model, channels, side, output, _ = torch_networks()[0]
    image = formula_image(channels, side)
    settle(model, channels, side)
    logits, gradient = reference(model, image)
    what = dict(channels=channels, side=side, output=output, logits=rounded(logits), gradient=rounded(gradient.flatten()[::STEP]))
    path = work / "external.onnx"
    exported(model, image, path, True, external_data=True)
    data = path.with_suffix(".onnx.data")
    (fixtures.folder / "external.onnx.data.gz").write_bytes(gzip.compress(data.read_bytes(), 9, mtime=0))
    fixtures.keep("external", path.read_bytes(), **what)
    path = work / "open.onnx"
    axes = {"image": {0: "batch", 2: "height", 3: "width"}}
    exported(model, image, path, False, 17, input_names=["image"], dynamic_axes=axes)
    fixtures.keep("open", path.read_bytes(), **what)


# Graphs written by hand


def of_helper(fixtures):
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    random = np.random.default_rng(3)

    def array(name, *shape, scale=0.4):
        return numpy_helper.from_array((random.standard_normal(shape) * scale).astype(np.float32), name)

    def model(nodes, tensors, opset, shape=(1, 3, 17, 17), out=3, **options):
        graph = helper.make_graph(nodes, "hand", [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
                                  [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, out))], tensors)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8, **options)

    def keep(name, proto, side=17, output=None, logits=None):
        image = formula_image(3, side)
        check = onnx.ModelProto.FromString(proto.SerializeToString())
        if logits:
            check.graph.output[0].name = logits
        session = onnxruntime.InferenceSession(check.SerializeToString(), providers=["CPUExecutionProvider"])
        y = session.run(None, {"x": image})[0]
        fixtures.keep(name, proto.SerializeToString(), channels=3, side=side, output=output, logits=rounded(y))

    node = helper.make_node
    # Borders that nodes work out themselves, windows without them, attributes that became inputs later.
    for opset in (7, 10, 13):
        clip = node("Clip", ["c"], ["d"], min=-0.5, max=0.75) if opset < 11 else node("Clip", ["c", "low", "high"], ["d"])
        tensors = [array("w", 6, 3, 3, 3), array("b", 6), array("w2", 6, 1, 3, 3), array("fc", 6, 3), array("bias", 3)]
        tensors += [numpy_helper.from_array(np.float32(v), n) for n, v in (("low", -0.5), ("high", 0.75)) if opset >= 11]
        nodes = [
            node("Conv", ["x", "w", "b"], ["a"], auto_pad="SAME_UPPER", strides=[2, 2], name="first"),
            node("Conv", ["a", "w2"], ["c"], auto_pad="SAME_LOWER", strides=[2, 2], group=6, kernel_shape=[3, 3]),
            clip,
            node("MaxPool", ["d"], ["e"], auto_pad="SAME_UPPER", kernel_shape=[2, 2], strides=[1, 1]),
            node("AveragePool", ["e"], ["f"], kernel_shape=[3, 2], pads=[1, 0, 1, 1], strides=[2, 1]),
            node("GlobalMaxPool", ["f"], ["g"]),
            node("Flatten", ["g"], ["h"]),
            node("Gemm", ["h", "fc", "bias"], ["z"], alpha=0.5, beta=2.0),
            node("LogSoftmax", ["z"], ["y"], axis=1),
        ]
        keep(f"hand_opset{opset}", model(nodes, tensors, opset), output="softmax", logits="z")
    # Half precision, values in lists, nodes out of order, a name for every class.
    half = lambda t: onnx.helper.make_tensor(t.name, TensorProto.FLOAT16, t.dims, numpy_helper.to_array(t).astype(np.float16).flatten().tolist())
    listed = lambda t: onnx.helper.make_tensor(t.name, TensorProto.FLOAT, t.dims, numpy_helper.to_array(t).flatten().tolist())
    tensors = [half(array("w16", 6, 3, 3, 3)), listed(array("matrix", 6, 3)), listed(array("bias", 3)),
               numpy_helper.from_array(np.array([1, -1], np.int64), "shape")]
    nodes = [
        node("Cast", ["w16"], ["w"], to=TensorProto.FLOAT),
        node("Conv", ["x", "w"], ["a"], pads=[1, 1, 0, 0], dilations=[2, 2], name="conv"),
        node("Relu", ["a"], ["r"]),
        node("ReduceSum", ["r", "axes"], ["s"], keepdims=0),
        node("Mul", ["s", "small"], ["m"]),
        node("Reshape", ["m", "shape"], ["v"]),
        node("MatMul", ["v", "matrix"], ["q"]),
        node("Add", ["bias", "q"], ["y"]),
    ]
    tensors += [numpy_helper.from_array(np.array([-2, 3], np.int64), "axes"), numpy_helper.from_array(np.float32(0.01), "small")]
    proto = model(nodes[::-1], tensors, 13)
    helper.set_model_props(proto, {"classes": json.dumps(["clear", "mass", "nodule"])})
    check = onnx.ModelProto.FromString(proto.SerializeToString())
    del check.graph.node[:]
    check.graph.node.extend(nodes)
    session = onnxruntime.InferenceSession(check.SerializeToString(), providers=["CPUExecutionProvider"])
    y = session.run(None, {"x": formula_image(3, 17)})[0]
    fixtures.keep("hand_half", proto.SerializeToString(), channels=3, side=17, output=None, logits=rounded(y),
                  classes=["clear", "mass", "nodule"])

    # What is refused.
    tail = [node("GlobalAveragePool", ["t"], ["g"]), node("Flatten", ["g"], ["h"]), node("Gemm", ["h", "fc", "bias"], ["y"])]
    basic = lambda: [array("w", 6, 3, 3, 3), array("fc", 6, 3), array("bias", 3)]
    first = node("Conv", ["x", "w"], ["c"], name="first")
    statistics = [numpy_helper.from_array(np.full(6, v, np.float32), n) for n, v in (("one", 1), ("zero", 0))]
    norm = lambda outputs, **o: node("BatchNormalization", ["c", "one", "zero", "zero", "one"], outputs, name="norm", **o)
    refused = {
        "training": model([first, norm(["t", "m", "v"], training_mode=1), *tail], basic() + statistics, 15),
        "training_old": model([first, norm(["t", "m", "v", "sm", "sv"]), *tail], basic() + statistics, 9),
        "circle": model([first, node("Add", ["c", "u"], ["t"], name="one"), node("Relu", ["t"], ["u"], name="two"), *tail], basic(), 13),
        "missing": model([first, node("Add", ["c", "nowhere"], ["t"], name="sum"), *tail], basic(), 13),
        "twice": model([first, node("Relu", ["c"], ["t"]), node("Tanh", ["c"], ["t"], name="again"), *tail], basic(), 13),
        "custom": model([first, node("Fancy", ["c"], ["t"], domain="my.own", name="fancy"), *tail], basic(), 13),
        "several": model([first, node("InstanceNormalization", ["c", "one", "zero"], ["d"], name="in1"),
                          node("InstanceNormalization", ["d", "one", "zero"], ["e"], name="in2"), node("Mish", ["c"], ["f"], name="mish"),
                          node("Add", ["e", "f"], ["t"]), *tail], basic() + statistics, 18),
        "volumes": model([node("Conv", ["x", "w3"], ["t"]), *tail], [array("w3", 6, 3, 3, 3, 3), *basic()[1:]], 13, (1, 3, 8, 8, 8)),
        "segmentation": model([node("Conv", ["x", "w"], ["y"])], basic()[:1], 13),
        "ancient": model([first, node("Relu", ["c"], ["t"]), *tail], basic(), 6),
        "fixed": model([first, node("Reshape", ["c", "shape"], ["v"]), node("Gemm", ["v", "big"], ["y"])],
                       basic()[:1] + [array("big", 6 * 15 * 15, 3), numpy_helper.from_array(np.array([1, 1350], np.int64), "shape")], 13,
                       ("n", 3, "h", "w")),
    }
    scale = [numpy_helper.from_array(np.float32(0.1), "scale"), numpy_helper.from_array(np.uint8(0), "point")]
    refused["quantized"] = model([first, node("QuantizeLinear", ["c", "scale", "point"], ["q"], name="quantize"),
                                  node("DequantizeLinear", ["q", "scale", "point"], ["t"], name="dequantize"), *tail], basic() + scale, 13)
    then = helper.make_graph([node("Relu", ["c"], ["t1"])], "then", [], [helper.make_tensor_value_info("t1", TensorProto.FLOAT, None)])
    other = helper.make_graph([node("Tanh", ["c"], ["t2"])], "else", [], [helper.make_tensor_value_info("t2", TensorProto.FLOAT, None)])
    refused["if"] = model([first, node("If", ["cond"], ["t"], then_branch=then, else_branch=other, name="branch"), *tail],
                          basic() + [numpy_helper.from_array(np.array(True), "cond")], 13)
    sparse = model([first, node("Relu", ["c"], ["t"]), *tail], basic(), 13)
    values = helper.make_tensor("s", TensorProto.FLOAT, [1], [1.0])
    sparse.graph.sparse_initializer.append(helper.make_sparse_tensor(values, helper.make_tensor("i", TensorProto.INT64, [1], [3]), [6]))
    refused["sparse"] = sparse
    outside = model([first, node("Relu", ["c"], ["t"]), *tail], basic(), 13)
    weight = outside.graph.initializer[0]
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    weight.external_data.add(key="location", value="../outside.data")
    refused["outside"] = outside
    for name, proto in refused.items():
        fixtures.keep(f"refused_{name}", proto.SerializeToString())

    # `as_strided` as PyTorch's newer exporter writes it for ConvNeXt: all values picked in their order.
    random = np.random.default_rng(4)
    indices = np.arange(6).reshape(1, 6, 1, 1)
    whole = [("axes", [2, 3]), ("all", [-1]), ("indices", indices), ("flat", [1, 6])]
    tensors = basic() + [numpy_helper.from_array(np.array(values, np.int64), name) for name, values in whole]
    nodes = [
        first,
        node("Relu", ["c"], ["r"]),
        node("ReduceMean", ["r", "axes"], ["m"], keepdims=1),
        node("Reshape", ["m", "all"], ["v"]),
        node("Gather", ["v", "indices"], ["s"], axis=0),
        node("Reshape", ["s", "flat"], ["h"]),
        node("Gemm", ["h", "fc", "bias"], ["y"]),
    ]
    keep("hand_strided", model(nodes, tensors, 18))


# Keras


def of_keras(fixtures, work):
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import keras
    import tensorflow as tf
    import tf2onnx
    from keras import layers as L

    keras.utils.set_random_seed(5)

    def pooled():
        image = keras.Input((32, 32, 3))
        x = L.ZeroPadding2D(((0, 1), (0, 1)))(image)
        x = L.Conv2D(8, 3, strides=2, use_bias=False, name="stem_conv")(x)
        x = L.ReLU(max_value=6)(L.BatchNormalization(name="stem_bn")(x))
        x = L.DepthwiseConv2D(3, strides=2, padding="same", name="depth_conv")(x)
        x = L.Activation("swish")(L.BatchNormalization(name="depth_bn")(x))
        s = L.GlobalAveragePooling2D(keepdims=True)(x)
        s = L.Conv2D(8, 1, activation="sigmoid", name="se_expand")(L.Conv2D(4, 1, activation="relu", name="se_reduce")(s))
        x = L.Multiply()([x, s])
        y = L.Conv2D(6, 1, name="branch_conv")(L.AveragePooling2D(3, strides=1, padding="same")(x))
        x = L.Concatenate()([L.MaxPooling2D(2, 2)(y), L.MaxPooling2D(3, 2, padding="same")(x)])
        x = L.Dropout(0.3)(L.GlobalAveragePooling2D()(x))
        logits = L.Dense(3, name="logits")(x)
        return keras.Model(image, L.Activation("softmax")(logits)), keras.Model(image, logits), "softmax"

    def flat():
        image = keras.Input((24, 24, 1))
        x = L.MaxPooling2D()(L.Conv2D(6, 5, activation="relu", name="conv1")(image))
        x = L.MaxPooling2D()(L.Conv2D(8, 3, activation="elu", name="conv2")(x))
        x = L.Dense(5, activation="selu", name="hidden")(L.Flatten()(x))
        logits = L.Dense(1, name="logits")(x)
        return keras.Model(image, L.Activation("sigmoid")(logits)), keras.Model(image, logits), "sigmoid"

    for name, make in (("pooled", pooled), ("flat", flat)):
        model, logits_of, output = make()
        for layer in model.layers:
            if isinstance(layer, L.BatchNormalization):
                random = np.random.default_rng(1)
                layer.set_weights([random.uniform(0.6, 1.4, w.shape) for w in layer.get_weights()])
        side, channels = model.input_shape[1], model.input_shape[3]
        image = formula_image(channels, side)
        x = tf.constant(image.transpose(0, 2, 3, 1))
        model(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            z = logits_of(x, training=False)
            first = z[0, 0]
        gradient = tape.gradient(first, x).numpy().transpose(0, 3, 1, 2)
        what = dict(channels=channels, side=side, output=output, logits=rounded(z.numpy()), gradient=rounded(gradient.flatten()[::STEP]), single=True)
        path = work / "keras.onnx"
        model.export(str(path), format="onnx", verbose=False)
        fixtures.keep(f"keras_{name}_export", path.read_bytes(), **what)
        spec = (tf.TensorSpec((None, side, side, channels), tf.float32, name="image"),)
        call = tf.function(lambda x: model(x, training=False))
        tf2onnx.convert.from_function(call, input_signature=spec, opset=15, output_path=str(path))
        fixtures.keep(f"keras_{name}_tf2onnx", path.read_bytes(), **what)


# Large and random ones, compared by hand


def keep_case(out, name, model, image, options=()):
    import onnxruntime
    import torch

    logits, gradient = reference(model, image)
    with torch.no_grad():
        single = getattr(model, "logits", model)(torch.from_numpy(image))
        single = (single[0] if isinstance(single, tuple) else single).numpy()
    error = float(np.abs(single.flatten() - logits).max())
    np.savez(out / f"{name}.npz", input=image, logits=logits, gradient=gradient, single=single)
    torch.save(model.state_dict(), out / f"{name}.pth")
    for dynamo in (False, True):
        path = out / f"{name}_{'dynamo' if dynamo else 'script'}.onnx"
        try:
            exported(model, image, path, dynamo, external_data=True) if dynamo else exported(model, image, path, dynamo)
        except Exception as problem:
            print(name, dynamo, "was not exported:", str(problem)[:200])
    print(name, "PyTorch's own error", error, flush=True)


def full(names, out):
    import torch

    for name in names:
        torch.manual_seed(7)
        kind, _, rest = name.rpartition(":")
        side, channels = 224, 3
        if kind == "timm":
            import timm

            model = timm.create_model(rest, pretrained=False, num_classes=3)
        elif kind == "monai":
            import monai.networks.nets as nets

            channels = 1
            model = dict(densenet121=lambda: nets.DenseNet121(2, 1, 3), seresnet50=lambda: nets.SEResNet50(spatial_dims=2, in_channels=1, num_classes=3),
                         resnet18=lambda: nets.resnet18(spatial_dims=2, n_input_channels=1, num_classes=3),
                         efficientnet_b0=lambda: nets.EfficientNetBN("efficientnet-b0", pretrained=False, spatial_dims=2, in_channels=1, num_classes=3))[rest]()
        elif kind == "xrv":
            import torchxrayvision

            channels = 1
            model = torchxrayvision.models.DenseNet(num_classes=18, in_channels=1, weights=None)
        else:
            import torchvision

            options = dict(init_weights=False) if rest in ("googlenet", "inception_v3") else {}
            if rest == "googlenet":
                options["aux_logits"] = False
            side = 299 if rest == "inception_v3" else 224
            model = getattr(torchvision.models, rest)(weights=None, num_classes=3, **options)
        settle(model, channels, side)
        if kind == "xrv":
            model.op_threshs = torch.linspace(0.3, 0.7, 18)
            model.logits = lambda x, m=model: m.classifier(m.features2(x))
        keep_case(out, rest, model, formula_image(channels, side))


def random_graphs(count, out):
    import torch
    from torch import nn
    from torch.nn import functional as F

    functions = [F.relu, F.relu6, F.silu, F.hardswish, F.hardsigmoid, F.gelu, torch.sigmoid, torch.tanh, F.elu, lambda x: F.leaky_relu(x, 0.2),
                 lambda x: F.gelu(x, approximate="tanh"), lambda x: torch.clamp(x, -0.4, 0.9), lambda x: torch.maximum(x, torch.tensor(0.1)),
                 lambda x: -x / 2 + 0.25, lambda x: F.selu(x), lambda x: x * torch.sigmoid(1.5 * x)]

    class Random(nn.Module):
        def __init__(self, seed):
            super().__init__()
            self.random = np.random.default_rng(seed)
            self.parts, self.plan = nn.ModuleList(), []
            pick = lambda *choices: choices[self.random.integers(len(choices))]
            self.channels_in = int(pick(1, 3))
            channels = self.channels_in
            for _ in range(self.random.integers(4, 10)):
                kind = pick("conv", "conv", "depth", "norm", "layer", "function", "function", "max", "mean", "residual", "dense", "gate", "pad", "scale", "pixel")
                kernel = int(pick(1, 2, 3, 5))
                if kind == "conv":
                    groups = int(pick(1, 1, 2))
                    out_channels = int(self.random.integers(1, 5)) * 2 * groups
                    if channels % groups:
                        groups = 1
                    side = (int(pick(1, 3)), kernel)
                    part = nn.Conv2d(channels, out_channels, side, stride=tuple(int(s) for s in self.random.integers(1, 3, 2)),
                                     padding=(side[0] // 2, side[1] // 2), dilation=int(pick(1, 1, 2)), groups=groups, bias=bool(pick(0, 1)))
                    channels = out_channels
                elif kind == "depth":
                    part = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
                elif kind == "norm":
                    part = nn.BatchNorm2d(channels)
                elif kind == "layer" and channels > 1:
                    part = nn.LayerNorm(channels, eps=float(pick(1e-5, 1e-6)))
                    nn.init.uniform_(part.weight, 0.5, 1.5), nn.init.uniform_(part.bias, -0.5, 0.5)
                elif kind == "residual":
                    part = nn.Conv2d(channels, channels, 3, padding=1)
                elif kind == "dense":
                    part = nn.Conv2d(channels, 3, 3, padding=1)
                    channels += 3
                elif kind == "gate":
                    part = nn.Sequential(nn.Conv2d(channels, 2, 1), nn.ReLU(), nn.Conv2d(2, channels, 1), pick(nn.Sigmoid, nn.Hardsigmoid)())
                elif kind == "pixel":
                    part = nn.Linear(channels, 4)
                    channels = 4
                else:
                    part = nn.Identity()
                options = [int(v) for v in self.random.integers(0, 100, 6)]
                self.parts.append(part)
                self.plan.append((kind, options))
            self.flat = bool(pick(0, 1))
            self.head = nn.LazyLinear(int(pick(1, 2, 5)))

        def logits(self, x):
            for part, (kind, o) in zip(self.parts, self.plan):
                h, w = x.shape[2:]
                if kind in ("conv", "depth", "norm"):
                    x = part(x)
                elif kind == "layer" and isinstance(part, nn.LayerNorm):
                    x = part(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
                elif kind == "function":
                    x = functions[o[0] % len(functions)](x)
                elif kind in ("max", "mean") and min(h, w) >= 3:
                    k, s, p, ceil = 2 + o[0] % 2, 1 + o[1] % 2, o[2] % 2, bool(o[3] % 2)
                    x = F.max_pool2d(x, k, s, p, ceil_mode=ceil) if kind == "max" else F.avg_pool2d(x, k, s, p, ceil_mode=ceil, count_include_pad=bool(o[4] % 2))
                elif kind == "residual":
                    x = x + part(x) if o[0] % 2 else part(x) - x
                elif kind == "dense":
                    x = torch.cat([x, part(x)], 1)
                elif kind == "gate":
                    x = x * part(x.mean((2, 3), keepdim=True))
                elif kind == "pad":
                    x = F.pad(x, (o[0] % 3, o[1] % 3, o[2] % 3, o[3] % 3))
                elif kind == "scale":
                    x = (x - 0.1) / (0.5 + o[0] / 100)
                elif kind == "pixel":
                    x = part(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
            return self.head(torch.flatten(x, 1) if self.flat else x.mean((2, 3)))

        def forward(self, x):
            return self.logits(x)

    made, seed = 0, 0
    while made < count:
        seed += 1
        torch.manual_seed(seed)
        try:
            model = Random(seed)
            image = formula_image(model.channels_in, 19)
            model.logits(torch.from_numpy(image))
            settle(model, model.channels_in, 19)
        except (RuntimeError, ValueError):
            continue
        keep_case(out, f"random{seed}", model, image)
        made += 1


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fixtures")
    parser.add_argument("--keras")
    parser.add_argument("--random", type=int)
    parser.add_argument("--full", nargs="*")
    parser.add_argument("--out")
    parser.add_argument("--work", default="/tmp/onnx_models")
    arguments = parser.parse_args()
    work = Path(arguments.work)
    work.mkdir(exist_ok=True)
    out = Path(arguments.out or work)
    out.mkdir(exist_ok=True)
    if arguments.fixtures:
        fixtures = Fixtures(arguments.fixtures)
        of_helper(fixtures)
        of_torch(fixtures, work)
    if arguments.keras:
        of_keras(Fixtures(arguments.keras), work)
    if arguments.random:
        random_graphs(arguments.random, out)
    if arguments.full:
        full(arguments.full, out)


if __name__ == "__main__":
    sys.exit(main())
