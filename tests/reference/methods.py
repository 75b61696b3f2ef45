"""The eight methods of the study in PyTorch, in single or double precision, for networks of `networks.py`.

`explain` returns raw maps [h, w] as `maps.npz` holds them. Every array is computed in the precision asked for; the noisy
copies come from given standard-normal samples, so that two programs can explain the very same copies.
Needs torch, and for GCAM and XRAI scikit-image and PAIR's saliency.
"""

import numpy as np
import saliency.core as pair
import torch
from skimage.transform import resize
from torch import nn

METHODS = ["GRAD", "SG", "IG", "SIG", "GCAM", "GBP", "GGCAM", "XRAI"]
SIGMA_FRACTION = 0.15
IG_STEPS = 10
XRAI_STEPS = 100
BLACK = -1.0


def gradients(model, batch, target):
    """Gradient of one logit by each image of [n, c, h, w]."""
    batch = batch.detach().clone().requires_grad_(True)
    model(batch)[:, target].sum().backward()
    return batch.grad


def integrated_gradients(model, image, baseline, steps, target, batch):
    """(x - b) times the mean gradient at `steps` points from b to x, both ends included."""
    path = torch.linspace(0, 1, steps, dtype=image.dtype)
    points = baseline + path[:, None, None, None] * (image - baseline)
    total = torch.zeros_like(image)
    for part in points.split(batch):
        total += gradients(model, part, target).sum(0, keepdim=True)
    return (image - baseline) * total / steps


def guided_gradient(model, image, target):
    """Input gradient with every ReLU passing only positive gradients at positive outputs."""
    relus = [module for module in model.modules() if isinstance(module, nn.ReLU)]
    hooks = [relu.register_full_backward_hook(lambda module, gin, gout: (gin[0].clamp(min=0),)) for relu in relus]
    gradient = gradients(model, image, target)
    for hook in hooks:
        hook.remove()
    return gradient


def grad_cam(model, image, target):
    """relu(sum of w A) divided by its maximum, on the grid of the last features, then resized as PAIR does."""
    kept = []

    def keep(module, inputs, output):
        output.retain_grad()
        kept.append(output)

    hook = model.get_submodule(model.features_name).register_forward_hook(keep)
    gradients(model, image, target)
    hook.remove()
    activation, slope = kept[0].detach()[0], kept[0].grad[0]
    grid = (slope.mean((1, 2), keepdim=True) * activation).sum(0).clamp(min=0)
    grid = (grid / grid.max() if grid.max() > 0 else grid).numpy()
    return resize(grid, image.shape[2:])


def display(raw):
    """From the minimum to the 99th percentile; zeros where that is no interval."""
    low, high = raw.min(), np.percentile(raw, 99)
    return np.clip((raw - low) / (high - low), 0, 1) if high > low else np.zeros_like(raw)


def magnitude(attribution):
    """[1, c, h, w] to [h, w]."""
    return attribution[0].abs().sum(0).numpy()


def explain(model, image, noise, target=None, methods=METHODS, batch=8, progress=lambda text: None):
    """Raw maps of `image` (float32 [1, c, h, w]) and the logits; `noise` is standard normal, [n, c, h, w].

    The precision is that of the model's parameters. `target` is a class, or none for the predicted one.
    """
    dtype = next(model.parameters()).dtype
    values = image
    image, noise = torch.from_numpy(image).to(dtype), torch.from_numpy(noise).to(dtype)
    with torch.no_grad():
        logits = model(image)[0]
    target = int(logits.argmax()) if target is None else target
    sigma = SIGMA_FRACTION * (image.max() - image.min())
    black = torch.full_like(image, BLACK)

    def guided():
        return magnitude(guided_gradient(model, image, target))

    def smooth():
        total = sum((gradients(model, part, target) ** 2).sum(0, keepdim=True)
                    for part in (image + sigma * noise).split(batch))
        return magnitude(total / len(noise))

    def smooth_integrated():
        total = torch.zeros_like(image)
        for number, sample in enumerate(noise):
            copy = image + sigma * sample
            total += integrated_gradients(model, copy, black, IG_STEPS, target, batch) ** 2
            progress(f"SIG {number + 1}/{len(noise)}")
        return magnitude(total / len(noise))

    def xrai():
        ends = [torch.full_like(image, float(end)) for end in (image.min(), image.max())]
        paths = [integrated_gradients(model, image, end, XRAI_STEPS, target, batch) for end in ends]
        attribution = (sum(paths) / len(paths))[0].permute(1, 2, 0).numpy()
        segmented = values[0].transpose(1, 2, 0)
        return pair.XRAI().GetMask(segmented, None, base_attribution=attribution)

    makers = {
        "GRAD": lambda: magnitude(gradients(model, image, target)),
        "SG": smooth,
        "IG": lambda: magnitude(integrated_gradients(model, image, black, IG_STEPS, target, batch)),
        "SIG": smooth_integrated,
        "GCAM": lambda: grad_cam(model, image, target),
        "GBP": guided,
        "GGCAM": lambda: display(guided()) * display(grad_cam(model, image, target)),
        "XRAI": xrai,
    }
    maps = {}
    for method in methods:
        progress(method)
        maps[method] = np.asarray(makers[method](), dtype=np.float64)
    return maps, logits.numpy().astype(np.float64)
