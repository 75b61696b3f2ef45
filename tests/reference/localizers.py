"""PyTorch U-Net and RetinaNet of any width, and the fixtures made with them.

    python tests/reference/localizers.py --verify          # RetinaNet at width 1.0 equals torchvision's bit for bit
    python tests/reference/localizers.py --out tests/fixtures

Weights and images come from the formula of `networks.py`, so the fixtures hold results alone. Needs torch,
torchvision, safetensors.
"""

import argparse
from collections import OrderedDict
from pathlib import Path

import torch
import torchvision
from safetensors.numpy import save_file
from torch import nn
from torch.nn import functional as F
from torchvision.models.resnet import Bottleneck
from torchvision.ops.feature_pyramid_network import FeaturePyramidNetwork, LastLevelP6P7

from networks import formula_image, formula_weights, scaled


class UNet(nn.Module):
    def __init__(self, width=1.0, channels=3, classes=1):
        super().__init__()
        sizes = [scaled(64 << level, width) for level in range(5)]

        def basic(level, number, read, write, half="encoder"):
            block = getattr(self, f"{half}{level}", None)
            if block is None:
                block = nn.Module()
                self.add_module(f"{half}{level}", block)
            block.add_module(f"conv{number}", nn.Conv2d(read, write, 3, padding=1, bias=False))
            block.add_module(f"bn{number}", nn.BatchNorm2d(write))

        read = channels
        for level, size in enumerate(sizes):
            basic(level, 1, read, size)
            basic(level, 2, size, size)
            read = size
        for level in reversed(range(4)):
            size = sizes[level]
            basic(level, 0, read, size, "decoder")
            basic(level, 1, 2 * size, size, "decoder")
            basic(level, 2, size, size, "decoder")
            read = size
        self.output = nn.Conv2d(sizes[0], classes, 1)

    def forward(self, x):
        def basic(name, number, x):
            block = getattr(self, name)
            return F.relu(getattr(block, f"bn{number}")(getattr(block, f"conv{number}")(x)))

        skips = []
        for level in range(5):
            if level > 0:
                x = F.max_pool2d(x, 2)
            x = basic(f"encoder{level}", 2, basic(f"encoder{level}", 1, x))
            skips.append(x)
        for level in reversed(range(4)):
            x = F.interpolate(x, size=skips[level].shape[-2:], mode="nearest")
            x = basic(f"decoder{level}", 0, x)
            x = torch.cat([skips[level], x], 1)
            x = basic(f"decoder{level}", 2, basic(f"decoder{level}", 1, x))
        return [self.output(x)]


class Residual(Bottleneck):
    """torchvision's, with inner and outer channels that need not be a factor 4 apart after rounding."""

    def __init__(self, read, inner, outer, stride, project):
        nn.Module.__init__(self)
        self.conv1, self.bn1 = nn.Conv2d(read, inner, 1, bias=False), nn.BatchNorm2d(inner)
        self.conv2, self.bn2 = nn.Conv2d(inner, inner, 3, stride, 1, bias=False), nn.BatchNorm2d(inner)
        self.conv3, self.bn3 = nn.Conv2d(inner, outer, 1, bias=False), nn.BatchNorm2d(outer)
        self.relu = nn.ReLU()
        self.downsample = None
        if project:
            self.downsample = nn.Sequential(nn.Conv2d(read, outer, 1, stride, bias=False), nn.BatchNorm2d(outer))


class RetinaNet(nn.Module):
    def __init__(self, width=1.0, channels=3, classes=1, p6_from_c5=True):
        super().__init__()
        body = nn.Module()
        read = scaled(64, width)
        body.conv1, body.bn1 = nn.Conv2d(channels, read, 7, 2, 3, bias=False), nn.BatchNorm2d(read)
        ends = []
        for stage, (blocks, inner) in enumerate([(3, 64), (4, 128), (6, 256), (3, 512)]):
            layers = []
            for block in range(blocks):
                stride = 2 if stage > 0 and block == 0 else 1
                outer = scaled(4 * inner, width)
                layers.append(Residual(read, scaled(inner, width), outer, stride, block == 0))
                read = outer
            body.add_module(f"layer{stage + 1}", nn.Sequential(*layers))
            ends.append(read)
        size = scaled(256, width)
        self.backbone = nn.Module()
        self.backbone.body = body
        extra = LastLevelP6P7(ends[3] if p6_from_c5 else size, size)
        self.backbone.fpn = FeaturePyramidNetwork(ends[1:], size, extra)
        self.head = nn.Module()
        for name, last, out in [("classification_head", "cls_logits", classes), ("regression_head", "bbox_reg", 4)]:
            head = nn.Module()
            head.conv = nn.Sequential(
                *[nn.Sequential(nn.Conv2d(size, size, 3, padding=1), nn.ReLU()) for _ in range(4)])
            head.add_module(last, nn.Conv2d(size, 9 * out, 3, padding=1))
            self.head.add_module(name, head)

    def forward(self, x):
        body = self.backbone.body
        x = F.max_pool2d(F.relu(body.bn1(body.conv1(x))), 3, 2, 1)
        levels = OrderedDict()
        x = body.layer1(x)
        for name in ["layer2", "layer3", "layer4"]:
            x = getattr(body, name)(x)
            levels[name] = x
        levels = list(self.backbone.fpn(levels).values())
        classification, regression = self.head.classification_head, self.head.regression_head
        return ([classification.cls_logits(classification.conv(level)) for level in levels]
                + [regression.bbox_reg(regression.conv(level)) for level in levels])


FIXTURES = {
    "u_net": dict(architecture="u_net", width=0.0625, channels=1, classes=2, size=(37, 50)),
    "retina_net_c5": dict(architecture="retina_net", width=0.0625, channels=3, classes=1, size=(97, 130)),
    "retina_net_p5": dict(architecture="retina_net", width=0.05, channels=1, classes=2, size=(64, 75)),
}


def build(spec):
    if spec["architecture"] == "u_net":
        model = UNet(spec["width"], spec["channels"], spec["classes"])
    else:
        model = RetinaNet(spec["width"], spec["channels"], spec["classes"], spec["name"] == "retina_net_c5")
    return model.eval().requires_grad_(False)


def make_fixture(spec, path):
    model = build(spec)
    formula_weights(model, True)
    outputs = model.double()(formula_image(spec["channels"], *spec["size"]).double())
    print(path.name, [tuple(output.shape) for output in outputs], [f"{output.std():.3f}" for output in outputs])
    metadata = {key: "x".join(map(str, value)) if key == "size" else str(value) for key, value in spec.items()}
    save_file({f"output{i}": output.numpy() for i, output in enumerate(outputs)}, path, metadata)


def verify():
    """Equality with torchvision's own RetinaNet, whose weights this one must accept unchanged."""
    torch.manual_seed(0)
    theirs = torchvision.models.detection.retinanet_resnet50_fpn(
        weights=None, weights_backbone=None, num_classes=3, trainable_backbone_layers=5).eval()
    ours = RetinaNet(classes=3, p6_from_c5=False).eval()
    ours.load_state_dict(theirs.state_dict(), strict=True)
    with torch.no_grad():
        image = formula_image(3, 128, 160)
        head = theirs.head(list(theirs.backbone(image).values()))

        def flatten(maps, last):
            n = maps[0].shape[0]
            return torch.cat([m.view(n, -1, last, *m.shape[-2:]).permute(0, 3, 4, 1, 2).reshape(n, -1, last)
                              for m in maps], 1)

        outputs = ours(image)
        assert torch.equal(flatten(outputs[:5], 3), head["cls_logits"])
        assert torch.equal(flatten(outputs[5:], 4), head["bbox_regression"])
    print("retina_net: outputs equal torchvision's bit for bit")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--verify", action="store_true")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    if arguments.verify:
        verify()
    if arguments.out:
        for name, spec in FIXTURES.items():
            make_fixture({"name": name, **spec}, arguments.out / f"localizer_{name}.safetensors")
