"""Names and shapes of tensors as other programs write them, and the logits these programs give, for tests/foreign_names.rs.

    python tests/reference/foreign_names.py --out tests/fixtures/foreign_names   # needs torch, torchvision, timm, monai

Networks are narrow; every value is a formula of the tensor's own name (`fill`), so that a fixture holds names, shapes and
logits alone. The names of `transformers` and of `efficientnet_pytorch` are made here, from torchvision's and timm's, by the
rules of these programs. `torch_*.pt.gz` are whole files.
"""

import argparse
import gzip
import io
import json
import math
import re
from pathlib import Path

import families
import numpy as np
import torch
from networks import formula_image, unit_values
from torch import nn


def value(name, shape):
    """Near the values of training; keep in step with tests/foreign_names.rs."""
    u = unit_values(name, math.prod(shape))
    last = name.rsplit(".", 1)[-1]
    if last == "running_var":
        values = 0.5 + u
    elif last == "running_mean":
        values = 0.2 * u - 0.1
    elif len(shape) >= 2 and math.prod(shape[1:]) > 1 and last == "weight":
        values = (2 * u - 1) * math.sqrt(6 / math.prod(shape[1:]))
    elif last in ("weight", "gamma", "layer_scale", "layer_scale_parameter"):
        values = 0.75 + 0.5 * u
    else:
        values = 0.2 * u - 0.1
    return torch.from_numpy(values.astype(np.float32).reshape(shape))


def fill(model, rename=lambda name: name, outer=""):
    """Fills a network by the names that its tensors have in the file; gives names and shapes."""
    listed = []
    for name, tensor in model.state_dict().items():
        if name.endswith("num_batches_tracked"):
            continue
        other = outer + rename(name)
        listed.append([other, list(tensor.shape)])
        with torch.no_grad():
            tensor.copy_(value(other, tuple(tensor.shape)))
    return listed


def told(out, name, model, size, channels=3, rename=lambda name: name, outer="", extra=(), **what):
    model.eval()
    tensors = fill(model, rename, outer) + list(extra)
    with torch.no_grad():
        logits = model.double()(formula_image(channels, size, size).double())[0].tolist()
    document = dict(size=size, channels=channels, logits=logits, **what, tensors=tensors)
    (out / f"{name}.json").write_text(json.dumps(document) + "\n")
    print(name, len(tensors), logits)


class Wrapped(nn.Module):
    """Features, a global average, a head."""

    def __init__(self, name, features, head, relu=False):
        super().__init__()
        self.name, self.relu = name, relu
        setattr(self, name, features)
        self.fc = head

    def forward(self, x):
        x = getattr(self, self.name)(x)
        return self.fc((torch.relu(x) if self.relu else x).mean((2, 3)))


def narrow(architecture, width=0.125):
    return families.narrowed(architecture, width, 2)


def of_timm(out):
    import timm.models.convnext
    import timm.models.densenet
    import timm.models.efficientnet as efficientnet
    import timm.models.mobilenetv3 as mobilenet
    import timm.models.regnet

    plain = efficientnet._gen_efficientnet("efficientnet_b0", channel_multiplier=0.25, num_classes=2)
    told(out, "timm_efficientnet_b0", plain, 70, architecture="efficientnet_b0", timm_name="efficientnet_b0")
    ported = efficientnet._gen_efficientnet(
        "tf_efficientnet_b0", channel_multiplier=0.25, num_classes=2, pad_type="same", bn_eps=1e-3)
    told(out, "timm_tf_efficientnet_b0", ported, 70, architecture="imported", timm_name="tf_efficientnet_b0")

    def pytorchs(name):
        """The names of efficientnet_pytorch."""
        flat = [1, 2, 2, 3, 3, 4, 1]
        name = re.sub(r"^conv_stem", "_conv_stem", name)
        name = re.sub(r"^bn1\.", "_bn0.", name)
        name = re.sub(r"^bn2\.", "_bn1.", name)
        name = re.sub(r"^conv_head", "_conv_head", name)
        name = re.sub(r"^classifier", "_fc", name)
        match = re.match(r"blocks\.(\d+)\.(\d+)\.(.*)", name)
        if not match:
            return name
        stage, number, rest = int(match[1]), int(match[2]), match[3]
        first = {"conv_dw": "_depthwise_conv", "bn1": "_bn1", "conv_pw": "_project_conv", "bn2": "_bn2"}
        others = {"conv_pw": "_expand_conv", "bn1": "_bn0", "conv_dw": "_depthwise_conv", "bn2": "_bn1",
                  "conv_pwl": "_project_conv", "bn3": "_bn2"}
        parts = {**(first if stage == 0 else others), "se.conv_reduce": "_se_reduce", "se.conv_expand": "_se_expand"}
        layer, parameter = rest.rsplit(".", 1)
        return f"_blocks.{sum(flat[:stage]) + number}.{parts[layer]}.{parameter}"

    # 96 pixels have the borders of the 224 that these programs pad by. Full width: where stages have as many channels as their neighbours, these names do not tell them apart.
    ported = efficientnet._gen_efficientnet("tf_efficientnet_b0", num_classes=2, pad_type="same", bn_eps=1e-3)
    told(out, "efficientnet_pytorch", ported, 96, rename=pytorchs, architecture="imported")
    # At other widths timm rounds other numbers than torchvision.
    v3 = mobilenet._gen_mobilenet_v3("mobilenetv3_large_100", 1.0, num_classes=2)
    told(out, "timm_mobilenetv3", v3, 70, architecture="mobilenet_v3_large", timm_name="mobilenetv3_large_100")
    v2 = efficientnet._gen_mobilenet_v2("mobilenetv2_100", 0.25, num_classes=2)
    told(out, "timm_mobilenetv2", v2, 70, architecture="mobilenet_v2")
    convnext = timm.models.convnext.ConvNeXt(depths=(3, 3, 9, 3), dims=(12, 24, 48, 96), num_classes=2)
    told(out, "timm_convnext", convnext, 70, architecture="convnext_tiny")


def of_torchvision(out):
    resnet = narrow("resnet_18")
    told(out, "sequential_resnet", Wrapped("features", nn.Sequential(*list(resnet.children())[:-2]), nn.Linear(64, 3)),
         49, architecture="resnet_18")

    def transformers(name):
        """The names of transformers."""
        name = re.sub(r"^fc\.", "classifier.1.", name)
        name = re.sub(r"^conv1\.", "resnet.embedder.embedder.convolution.", name)
        name = re.sub(r"^bn1\.", "resnet.embedder.embedder.normalization.", name)
        name = re.sub(r"^layer(\d)\.(\d+)\.", lambda m: f"resnet.encoder.stages.{int(m[1]) - 1}.layers.{m[2]}.", name)
        name = re.sub(r"downsample\.0", "shortcut.convolution", name)
        name = re.sub(r"downsample\.1", "shortcut.normalization", name)
        name = re.sub(r"\.conv(\d)\.", lambda m: f".layer.{int(m[1]) - 1}.convolution.", name)
        return re.sub(r"\.bn(\d)\.", lambda m: f".layer.{int(m[1]) - 1}.normalization.", name)

    told(out, "transformers_resnet", narrow("resnet_50"), 49, rename=transformers, architecture="resnet_50")
    told(out, "prefixed_resnet", narrow("resnet_34"), 49, outer="module.net._orig_mod.encoder.",
         extra=[["criterion.weight", [2]], ["loss_fn.pos_weight", [2]]], architecture="resnet_34")

    mobilenet = narrow("mobilenet_v3_small", 0.25)
    mobilenet.classifier[0] = nn.Linear(mobilenet.classifier[0].in_features, 20)
    mobilenet.classifier[3] = nn.Linear(20, 2)
    told(out, "mobilenet_hidden", mobilenet, 47, architecture="mobilenet_v3_small", assumed=True)

    def densenet(head):
        model = narrow("densenet_169")
        model.classifier = head(model.classifier.in_features)
        return model

    told(out, "densenet_mlp", densenet(lambda n: nn.Sequential(
        nn.Linear(n, 12, bias=False), nn.BatchNorm1d(12), nn.ReLU(), nn.Dropout(0.3), nn.Linear(12, 7), nn.ReLU(),
        nn.BatchNorm1d(7), nn.Dropout(0.3), nn.Linear(7, 4))), 50, architecture="densenet_169", assumed=True)
    told(out, "densenet_norm_head", densenet(lambda n: nn.Sequential(
        nn.BatchNorm1d(n), nn.Dropout(0.3), nn.Linear(n, 2))), 50, architecture="densenet_169")
    told(out, "densenet_two_linear", densenet(lambda n: nn.Sequential(nn.Linear(n, 5), nn.Linear(5, 2))), 50,
         architecture="densenet_169")
    backbone = narrow("densenet_169")
    told(out, "backbone_fc", Wrapped("backbone", backbone.features, nn.Linear(backbone.classifier.in_features, 2), True), 50,
         architecture="densenet_169", said="what stands between the features and the head")

    told(out, "torchxrayvision", narrow("densenet_169"), 50, extra=[["op_threshs", [2]]],
         architecture="densenet_169", output="sigmoid", said="op_norm")


def of_monai(out):
    from monai.networks.nets import DenseNet, EfficientNetBN

    efficientnet = EfficientNetBN("efficientnet-b0", pretrained=False, in_channels=1, num_classes=3)
    told(out, "monai_efficientnet", efficientnet, 71, channels=1, architecture="imported")

    model = DenseNet(2, 1, 2, init_features=8, growth_rate=4, block_config=(6, 12, 24, 16), bn_size=4)
    told(out, "monai_densenet", model, 50, channels=1, architecture="densenet_121")


def whole(out):
    """Files with classes: the functions of a head are read there."""
    model = families.densenet.DenseNet(2, (6, 12, 24, 16), 4, num_classes=2)
    model.classifier = nn.Sequential(nn.Linear(model.classifier.in_features, 6), nn.LeakyReLU(0.2), nn.Dropout(0.5),
                                     nn.Linear(6, 3), nn.Sigmoid())
    fill(model)
    model.eval()
    image = formula_image(3, 49, 49)
    logits = model.classifier[:-1].double()
    with torch.no_grad():
        features = torch.relu(model.double().features(image.double())).mean((2, 3))
        logits = model.classifier[:-1](features)[0].tolist()
    model.float()

    def keep(name, write, **what):
        buffer = io.BytesIO()
        write(buffer)
        (out / f"{name}.gz").write_bytes(gzip.compress(buffer.getvalue(), 9, mtime=0))
        (out / f"{name}.json").write_text(json.dumps(dict(
            file=name, size=49, channels=3, logits=logits, **{"architecture": "densenet_121", **what})) + "\n")
        print(name, len(gzip.compress(buffer.getvalue(), 9)))

    keep("torch_module.pt", lambda f: torch.save(nn.DataParallel(model), f), output="sigmoid")
    keep("torch_module_legacy.pt",
         lambda f: torch.save({"net": model, "epoch": 3}, f, _use_new_zipfile_serialization=False), output="sigmoid")
    resnet = narrow("resnet_18", 0.0625)
    resnet.fc = nn.Sequential(nn.Linear(32, 6), nn.Tanh(), nn.Linear(6, 3), nn.Softmax(1))
    fill(resnet)
    resnet.eval()
    with torch.no_grad():
        logits = nn.Sequential(*list(resnet.children())[:-1], nn.Flatten(), resnet.fc[:-1]).double()(image.double())[0].tolist()
    resnet.float()
    keep("torch_script.pt", lambda f: torch.jit.save(torch.jit.trace(resnet, image), f), output="softmax",
         architecture="resnet_18")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    of_torchvision(out)
    of_timm(out)
    of_monai(out)
    whole(out)
