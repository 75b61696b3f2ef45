"""Makes tests/fixtures/saliency_beyond_study.safetensors: the methods beyond the study, by other people's programs.

    python tests/reference/beyond_study.py

LAYERCAM and HIRESCAM are pytorch-grad-cam's classes, whose scaling to 0..1 is left out: the grid after its ReLU. Maps at
the size of the image are that grid resized as PAIR resizes Grad-CAM. OCCLUSION is Captum's `Occlusion` with a window over
all channels, at strides that leave a part of a window at the border. Network, weights and image are those of
`networks.py`; everything is in double precision, and the L2-relative error of single precision stands beside it.
Needs torch, torchvision, grad-cam, captum, scikit-image and safetensors.
"""

from pathlib import Path

import networks
import numpy as np
import pytorch_grad_cam.base_cam as base_cam
import torch
from captum.attr import Occlusion
from pytorch_grad_cam import HiResCAM, LayerCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from safetensors.numpy import save_file
from skimage.transform import resize

SPEC = networks.FIXTURES["densenet_121_square"]
# What the last block hands on, and an earlier node at which the gradient differs from cell to cell.
NODES = {"last": "features.relu5", "inner": SPEC["inner"]}
CAMS = {"LAYERCAM": LayerCAM, "HIRESCAM": HiResCAM}
# Patch, stride, fill: a value of the network's input, or the mean of each channel.
COVERINGS = {"value": (16, 11, -0.25), "mean": (20, 20, None)}
CLASS = 1


def cam_grid(model, image, cam, node):
    """relu of the sum over channels, unscaled, on the grid of `node`."""
    scale, base_cam.scale_cam_image = base_cam.scale_cam_image, lambda cam, target_size=None: cam
    try:
        with cam(model=model, target_layers=[model.get_submodule(node)]) as maker:
            return maker(image.clone().requires_grad_(True), [ClassifierOutputTarget(CLASS)])[0]
    finally:
        base_cam.scale_cam_image = scale


def occlusion(model, image, patch, stride, fill):
    """Fall of the logit, averaged over the windows that cover a pixel; the same in every channel."""
    channels = image.shape[1]
    if fill is None:
        # The program rounds each channel's mean to single precision.
        means = image.double().mean((2, 3), keepdim=True).float().to(image.dtype)
        baseline = means.expand_as(image).contiguous()
    else:
        baseline = torch.full_like(image, fill)
    with torch.no_grad():
        found = Occlusion(model).attribute(image, sliding_window_shapes=(channels, patch, patch),
                                           strides=(channels, stride, stride), baselines=baseline, target=CLASS)[0]
    assert torch.equal(found[0], found[-1])
    return found[0].numpy()


def explain(model, image):
    arrays = {}
    for name, cam in CAMS.items():
        for key, node in NODES.items():
            grid = cam_grid(model, image, cam, node)
            arrays[f"{name}_{key}_grid"] = grid
            arrays[f"{name}_{key}"] = resize(grid, image.shape[2:])
    for key, (patch, stride, fill) in COVERINGS.items():
        arrays[f"OCCLUSION_{key}"] = occlusion(model, image, patch, stride, fill)
    return arrays


def main():
    model = networks.build(SPEC["architecture"], SPEC["width"], SPEC["channels"], SPEC["classes"],
                           SPEC["count_include_pad"])
    networks.formula_weights(model, SPEC["norm_scale"])
    model.eval()
    image = networks.formula_image(SPEC["channels"], *SPEC["size"])
    double = explain(model.double(), image.double())
    single = explain(model.float(), image.float())
    error = {key: np.linalg.norm(single[key] - double[key]) / np.linalg.norm(double[key]) for key in double}
    metadata = {f"{key}_error": f"{value:.3e}" for key, value in error.items()}
    metadata |= {f"{key}_node": node for key, node in NODES.items()}
    path = Path(__file__).parent.parent / "fixtures" / "saliency_beyond_study.safetensors"
    save_file({key: np.ascontiguousarray(values, dtype=np.float32) for key, values in double.items()}, path, metadata)
    print(path.name, path.stat().st_size, "bytes", metadata)
    for key, values in double.items():
        print(key, values.shape, float(values.min()), float(values.max()), len(np.unique(values)))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
