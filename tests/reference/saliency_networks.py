"""Makes tests/fixtures/saliency_<network>.safetensors: raw maps of all eight methods by PyTorch in double precision.

    python tests/reference/saliency_networks.py

Networks, weights and images are those of `networks.py`; the noise comes from the same integer hash, so a fixture holds
maps alone, and the L2-relative error of PyTorch in single precision for each. Needs what `methods.py` needs.
"""

from pathlib import Path

import methods
import networks
import numpy as np
import torch
from safetensors.numpy import save_file

SAMPLES = 3
# Inception needs 107 px for features of more than one cell; SG and GGCAM are left out to keep that fixture small.
SPECS = {
    "inception_v3": networks.FIXTURES["inception_v3_torchvision"]
    | {"size": (107, 107), "methods": ["GRAD", "IG", "SIG", "GCAM", "GBP", "XRAI"]},
    "densenet_121": networks.FIXTURES["densenet_121_square"] | {"methods": methods.METHODS},
}


def formula_noise(shape):
    """Uniform numbers of mean 0 and variance 1, float32 [n, c, h, w]."""
    u = networks.unit_values("noise", int(np.prod(shape)))
    return (np.sqrt(12.0) * (u - 0.5)).astype(np.float32).reshape(shape)


def make_fixture(name, spec, folder):
    model = networks.build(spec["architecture"], spec["width"], spec["channels"], spec["classes"],
                           spec["count_include_pad"])
    networks.formula_weights(model, spec["norm_scale"])
    image = networks.formula_image(spec["channels"], *spec["size"]).numpy()
    noise = formula_noise((SAMPLES, *image.shape[1:]))
    double, logits = methods.explain(model.double(), image, noise, spec["target"], spec["methods"])
    single, _ = methods.explain(model.float(), image, noise, spec["target"], spec["methods"])
    error = {key: np.linalg.norm(single[key] - double[key]) / np.linalg.norm(double[key]) for key in double}
    arrays = {key: np.ascontiguousarray(values, dtype=np.float32) for key, values in double.items()}
    metadata = {f"{key}_error": f"{value:.3e}" for key, value in error.items()}
    path = folder / f"saliency_{name}.safetensors"
    save_file(arrays | {"logits": logits.astype(np.float32)}, path, metadata)
    print(path.name, path.stat().st_size, "bytes", metadata, len(np.unique(double["XRAI"])), "XRAI regions")


if __name__ == "__main__":
    torch.set_num_threads(2)
    for name, spec in SPECS.items():
        make_fixture(name, spec, Path(__file__).parent.parent / "fixtures")
