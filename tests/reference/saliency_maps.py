"""Makes tests/fixtures/saliency.safetensors: the eight methods by PAIR's own code on a model with a closed form.

The model is the polynomial of tests/saliency/analytic.rs, written once more in NumPy: any difference between the maps
is a difference between the methods. Needs numpy, safetensors, scikit-image and PAIR's saliency 0.2.1.

    python tests/reference/saliency_maps.py
"""

from pathlib import Path

import numpy as np
import saliency.core as pair
from safetensors.numpy import save_file
from saliency.core import xrai as pair_xrai

H, W, C = 40, 36, 3
SAMPLES = 4
CLASS = 1
GRID = (4, 5, 6)  # channels, rows, columns of the activation


def image():
    """A smooth image [h, w, c] with an edge, three different channels, values within -1 to 0.9."""
    y, x, c = np.meshgrid(np.arange(H), np.arange(W), np.arange(C), indexing="ij")
    blob = np.exp(-(((y - 14) / 9.0) ** 2 + ((x - 22) / 7.0) ** 2))
    values = 1.5 * blob + 0.3 * np.sin(0.45 * x + 0.2 * y) + 0.1 * c - 0.7 + 0.4 * (y > 27)
    return np.clip(values, -1.0, 0.9).astype(np.float32)


def coefficients(class_index):
    """Factors [c, h, w] of x, x^2, x^3 and of the product with the next pixel."""
    i = np.arange(C * H * W, dtype=np.float64) + 1000.0 * class_index
    return [np.sin(0.37 * i), np.cos(0.11 * i), 0.5 * np.sin(0.23 * i + 1.0), np.cos(0.05 * i + 2.0)]


def logit(x, class_index):
    """x is [c * h * w]."""
    w, a, b, p = coefficients(class_index)
    return np.sum(w * x + a * x**2 + b * x**3 + p * x * np.roll(x, -1))


def gradient(x, class_index):
    w, a, b, p = coefficients(class_index)
    return w + 2 * a * x + 3 * b * x**2 + p * np.roll(x, -1) + np.roll(p, 1) * np.roll(x, 1)


def to_chw(hwc):
    return np.transpose(hwc, (2, 0, 1))


def to_hwc(chw):
    return np.transpose(chw, (1, 2, 0))


def gradient_hwc(hwc):
    return to_hwc(gradient(to_chw(hwc).astype(np.float64).ravel(), CLASS).reshape(C, H, W))


def activation(hwc):
    """Value and gradient [k, rows, columns] of the pretended last feature map."""
    channels, rows, columns = GRID
    j = np.arange(channels * rows * columns, dtype=np.float64)
    mean = np.mean(hwc.astype(np.float64))
    value = np.sin(0.7 * j) + mean
    slope = np.cos(1.3 * j + CLASS)
    return value.reshape(GRID), slope.reshape(GRID)


def call_model(batch, call_model_args=None, expected_keys=None):
    if pair.base.CONVOLUTION_LAYER_VALUES in expected_keys:
        value, slope = activation(batch[0])
        return {
            pair.base.CONVOLUTION_LAYER_VALUES: to_hwc(value)[None],
            pair.base.CONVOLUTION_OUTPUT_GRADIENTS: to_hwc(slope)[None],
        }
    return {pair.base.INPUT_OUTPUT_GRADIENTS: np.stack([gradient_hwc(x) for x in batch])}


def with_noise(noise, run):
    """Runs PAIR's smoothing with our noise in place of NumPy's global generator."""
    samples = iter(noise)
    original = np.random.normal
    np.random.normal = lambda mean, stdev, shape: stdev * to_hwc(next(samples)).astype(np.float64)
    try:
        return run()
    finally:
        np.random.normal = original


def min_max(values):
    return (values - values.min()) / (values.max() - values.min())


def main():
    x = image()
    noise = np.random.default_rng(7).standard_normal((SAMPLES, C, H, W)).astype(np.float32)
    black = np.full_like(x, -1.0)
    show = pair.VisualizeImageGrayscale
    smooth = {"stdev_spread": 0.15, "nsamples": SAMPLES}

    grad = pair.GradientSaliency().GetMask(x, call_model)
    sg = with_noise(noise, lambda: pair.GradientSaliency().GetSmoothedMask(x, call_model, **smooth))
    path = {"x_baseline": black, "x_steps": 10}
    ig = pair.IntegratedGradients().GetMask(x, call_model, **path)
    sig = with_noise(noise, lambda: pair.IntegratedGradients().GetSmoothedMask(x, call_model, **smooth, **path))
    gcam = pair.GradCam().GetMask(x, call_model)
    guided = np.maximum(grad, 0.0)  # what the model of the test calls its guided gradient
    parameters = pair.XRAIParameters(steps=100, return_ig_attributions=True)
    details = pair.XRAI().GetMaskWithDetails(x, call_model, extra_parameters=parameters)
    attribution = pair_xrai._attr_aggregation_max(np.mean(details.ig_attribution, axis=0))
    xrai = details.attribution_mask

    arrays = {
        "image": to_chw(x)[None],
        "noise": noise,
        "logits": np.array([logit(to_chw(x).astype(np.float64).ravel(), k) for k in range(2)]),
        "GRAD_signed": to_chw(grad),
        "SG_mean_square": to_chw(sg),
        "IG_signed": to_chw(ig),
        "SIG_mean_square": to_chw(sig),
        "XRAI_attribution": attribution,
        "GCAM_raw": gcam[:, :, 0],
        "XRAI_raw": xrai,
        "GRAD": show(grad),
        "SG": show(sg),
        "IG": show(ig),
        "SIG": show(sig),
        "GCAM": show(gcam),
        "XRAI": show(xrai[:, :, None]),
        "GBP": show(guided),
        "GGCAM": min_max(show(guided) * show(gcam)),
    }
    target = Path(__file__).parent.parent / "fixtures" / "saliency.safetensors"
    target.parent.mkdir(exist_ok=True)
    save_file({name: np.ascontiguousarray(values, dtype=np.float32) for name, values in arrays.items()}, target)
    print(target.name, target.stat().st_size, "bytes,", int((xrai < 0).sum()), "negative XRAI pixels")


if __name__ == "__main__":
    main()
