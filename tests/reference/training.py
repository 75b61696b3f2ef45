"""PyTorch's gradients by every weight in training mode, and three steps of AdamW, in double precision.

    python tests/reference/training.py --out tests/fixtures

Networks, weights and images are those of `networks.py`. The loss is the sum of the logits times fixed numbers, so that
it adds nothing of its own. Of every tensor the fixture holds its length and three products with fixed numbers, divided
by the length: gradients that agree in them agree.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file

from networks import build, formula_weights, unit_values, formula_image

SPECS = {
    "inception_v3": dict(width=0.0625, size=(150, 139)),
    "densenet_121": dict(width=0.0625, size=(70, 75)),
}
# A large eps: with the usual one, first steps follow the sign of gradients that are nothing but rounding.
IMAGES, STEPS, RATE, DECAY, EPS = 4, 3, 2e-3, 0.05, 1e-2


def images(count, size):
    def one(index):
        height, width = size
        noise = unit_values(f"image {index}", 3 * height * width).reshape(3, height, width)
        c, row, column = np.meshgrid(np.arange(3), np.arange(height), np.arange(width), indexing="ij")
        return 0.5 * ((3 * row + 5 * column + 17 * c) % 64) / 64.0 + 1.5 * noise - 1.0
    return torch.from_numpy(np.stack([one(i) for i in range(count)]).astype(np.float32))


def probe(name, tensor):
    """Length, and three products with numbers in [-1, 1) over the length."""
    flat = tensor.detach().double().flatten().numpy()
    length = np.linalg.norm(flat)
    units = 2.0 * unit_values(f"{name} probe", 3 * flat.size).reshape(3, flat.size) - 1.0
    return np.concatenate([[length], units @ flat / max(length, 1e-300) / np.sqrt(flat.size)])


def run(architecture, width, size, dtype):
    model = build(architecture, width, 3, 2)
    formula_weights(model, True)
    model = model.to(dtype).train().requires_grad_(True)
    x = images(IMAGES, size).to(dtype)
    coefficients = torch.from_numpy(2.0 * unit_values("coefficients", IMAGES * 2).reshape(IMAGES, 2) - 1.0).to(dtype)
    decayed = [p for name, p in model.named_parameters() if p.dim() > 1]
    others = [p for name, p in model.named_parameters() if p.dim() == 1]
    optimizer = torch.optim.AdamW([dict(params=decayed, weight_decay=DECAY), dict(params=others, weight_decay=0.0)], lr=RATE, eps=EPS)
    start = {name: value.clone() for name, value in model.state_dict().items()}
    results = {}
    for step in range(STEPS):
        optimizer.zero_grad()
        logits = model(x)
        (logits * coefficients).sum().backward()
        if step == 0:
            results["logits"] = logits.detach().double().numpy()
            for name, parameter in model.named_parameters():
                results[f"gradient {name}"] = probe(name, parameter.grad)
        optimizer.step()
    for name, value in model.state_dict().items():
        if not name.endswith("num_batches_tracked"):
            results[f"change {name}"] = probe(name, value - start[name])
    return results


def largest(single, double, prefix):
    """The largest error of a product, in parts of its tensor's length (gradients) or of all tensors' (changes)."""
    keys = [key for key in double if key.startswith(prefix)]
    whole = np.sqrt(sum(double[key][0] ** 2 for key in keys))
    share = {key: 1.0 if prefix == "gradient" else double[key][0] / whole for key in keys}
    return max(np.abs(single[key][1:] - double[key][1:]).max() * share[key] for key in keys)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out
    for architecture, spec in SPECS.items():
        single, double = (run(architecture, **spec, dtype=dtype) for dtype in (torch.float32, torch.float64))
        metadata = {"width": str(spec["width"]), "size": "x".join(map(str, spec["size"]))}
        for prefix in ("gradient", "change"):
            metadata[f"{prefix}_error"] = f"{largest(single, double, prefix):.3e}"
        print(architecture, metadata, double["logits"].tolist())
        save_file({key: np.asarray(value) for key, value in double.items()}, out / f"training_{architecture}.safetensors", metadata)
