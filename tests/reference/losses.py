"""Losses and their gradients by PyTorch, anchors and selected boxes by torchvision.

    python tests/reference/losses.py --out tests/fixtures

Predictions come from the formula of `networks.py`, so the fixtures hold results alone; the boxes are those of
`tests/losses.rs`. Needs torch, torchvision, safetensors.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file
from torch.nn import functional as F
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.retinanet import RetinaNet

from networks import unit_values

CLASSES = 2
SIZE = (64, 75)
GRIDS = [(8, 10), (4, 5), (2, 3), (1, 2), (1, 1)]
LARGE_SIZE = (97, 130)
LARGE_GRIDS = [(13, 17), (7, 9), (4, 5), (2, 3), (1, 2)]
# left, top, right, bottom, class. The third is small and far from every anchor's shape.
BOXES = [
    [[3.5, 8.25, 30.0, 41.0, 0], [20.0, 15.0, 60.5, 55.0, 1], [70.0, 1.0, 73.0, 12.0, 0], [5.0, 9.0, 31.0, 40.0, 1]],
    [],
]


def anchor_sizes(base):
    return tuple((x, int(x * 2 ** (1.0 / 3)), int(x * 2 ** (2.0 / 3))) for x in [base << level for level in range(5)])


def anchors(size, grids, base, images=1):
    generator = AnchorGenerator(anchor_sizes(base), ((0.5, 1.0, 2.0),) * 5)
    maps = [torch.zeros(images, 1, *grid) for grid in grids]
    return generator, generator(ImageList(torch.zeros(images, 3, *size), [size] * images), maps)


def values(name, shape, low, high):
    return torch.from_numpy(low + (high - low) * unit_values(name, int(np.prod(shape)))).reshape(shape)


def head_outputs(dtype):
    """Class logits and offsets of each level, as the network gives them; some logits are special."""
    logits = [values(f"logits{i}", (2, 9 * CLASSES, *grid), -6, 2).to(dtype) for i, grid in enumerate(GRIDS)]
    for image in range(2):
        for position, special in enumerate([0.0, 100.0, -100.0]):
            logits[0][image].view(-1)[position] = special
    offsets = [values(f"offsets{i}", (2, 36, *grid), -1, 1).to(dtype) for i, grid in enumerate(GRIDS)]
    return logits, offsets


def flat(maps, last):
    """As torchvision's heads: [n, anchors, last] of each level."""
    return [m.view(2, 9, last, *m.shape[-2:]).permute(0, 3, 4, 1, 2).reshape(2, -1, last) for m in maps]


def detector(base, **options):
    class Backbone(torch.nn.Module):
        out_channels = 8

    generator, _ = anchors(SIZE, GRIDS, base)
    return RetinaNet(Backbone(), CLASSES, anchor_generator=generator, **options)


def detection(results):
    base = 12
    model = detector(base)
    logits, offsets = head_outputs(torch.float64)
    leaves = [x.requires_grad_(True) for x in logits + offsets]
    generator, found = anchors(SIZE, GRIDS, base, 2)
    targets = [dict(boxes=torch.tensor([box[:4] for box in boxes], dtype=torch.float32).reshape(-1, 4),
                    labels=torch.tensor([int(box[4]) for box in boxes], dtype=torch.int64)) for boxes in BOXES]
    outputs = dict(cls_logits=torch.cat(flat(logits, CLASSES), 1), bbox_regression=torch.cat(flat(offsets, 4), 1))
    for loss_type in ["l1", "smooth_l1"]:
        model.head.regression_head._loss_type = loss_type
        losses = model.compute_loss(targets, outputs, found)
        total = losses["classification"] + losses["bbox_regression"]
        gradients = torch.autograd.grad(total, leaves, retain_graph=True)
        results[f"{loss_type}_losses"] = torch.stack([losses["classification"], losses["bbox_regression"]]).detach()
        for index, gradient in enumerate(gradients):
            if loss_type == "l1" or index >= 5:
                results[f"{loss_type}_gradient{index}"] = gradient.float()
        print(loss_type, {key: value.item() for key, value in losses.items()})
    results["anchors"] = found[0]
    results["anchors_large"] = anchors(LARGE_SIZE, LARGE_GRIDS, 32)[1][0]

    model = detector(base, score_thresh=0.05, topk_candidates=120, nms_thresh=0.5, detections_per_img=40)
    logits, offsets = head_outputs(torch.float32)
    split = list(found[0].split([9 * h * w for h, w in GRIDS]))
    outputs = dict(cls_logits=flat(logits, CLASSES), bbox_regression=flat(offsets, 4))
    for index, boxes in enumerate(model.postprocess_detections(outputs, [split, split], [SIZE, SIZE])):
        rows = torch.cat([boxes["boxes"], boxes["scores"][:, None], boxes["labels"][:, None].float()], 1)
        results[f"detections{index}"] = rows
        print(rows.shape, rows[[0, -1]].tolist())


def classification(results):
    logits = values("logits", (6, 2), -4, 4)
    logits[0] = torch.tensor([300.0, -300.0])
    logits[1] = 0.0
    logits.requires_grad_(True)
    targets = torch.tensor([1, 0, 1, 1, 0, 0])
    weights = torch.tensor([0.5, 2.0], dtype=torch.float64)
    loss = F.cross_entropy(logits, targets, weights)
    results["softmax"], results["softmax_gradient"] = loss.detach(), torch.autograd.grad(loss, logits)[0]
    single = values("single", (6, 1), -4, 4)
    single[0], single[1] = -300.0, 0.0
    single.requires_grad_(True)
    shares = weights[targets] / weights[targets].sum()
    loss = F.binary_cross_entropy_with_logits(single, targets[:, None].double(), shares[:, None], reduction="sum")
    results["binary"], results["binary_gradient"] = loss.detach(), torch.autograd.grad(loss, single)[0]


def segmentation(results):
    logits = values("maps", (3, 2, 5, 7), -5, 5)
    logits[0, 0, 0, :3] = torch.tensor([0.0, 200.0, -200.0])
    logits.requires_grad_(True)
    masks = (values("masks", (3, 2, 5, 7), 0, 1) > 0.7).double()
    masks[1] = 0.0
    p = logits.sigmoid()
    dice = (2 * (p * masks).sum((2, 3)) + 1.5) / (p.sum((2, 3)) + masks.sum((2, 3)) + 1.5)
    loss = 0.75 * F.binary_cross_entropy_with_logits(logits, masks) + 0.5 * (1 - dice).mean()
    results["segmentation"], results["segmentation_gradient"] = loss.detach(), torch.autograd.grad(loss, logits)[0]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    results = {}
    detection(results)
    classification(results)
    segmentation(results)
    save_file({key: np.ascontiguousarray(value.numpy()) for key, value in results.items()},
              arguments.out / "losses.safetensors")
