"""Structural similarity by scikit-image and rank correlation by SciPy.

    python tests/reference/similarity.py --out tests/fixtures

Maps come from the formula of `networks.py`, so the fixture holds results alone: for each pair of maps the similarity at
data ranges 1 and 2, and Spearman's coefficient (NaN where it is not defined). Needs scikit-image, scipy, safetensors,
torch (for the formula's module).
"""

import argparse
import warnings
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from scipy.stats import spearmanr
from skimage.metrics import structural_similarity

from networks import unit_values

SIZES = [(7, 7), (7, 20), (12, 12), (33, 50), (320, 320)]
KINDS = ["noise", "spots", "blocks", "mask", "signed", "blank", "flat"]


def maps(kind, height, width):
    """Two maps of one kind, kept in single precision as ours are and compared in double."""
    rows, columns = np.mgrid[:height, :width].astype(np.float64)
    pair = []
    for which in ["a", "b"]:
        noise = unit_values(f"{kind} {which}", height * width).reshape(height, width)
        tilt = 0.25 if which == "a" else -0.5
        wave = np.clip(((rows + tilt * columns) % 16 - 4) / 8, 0, 1)
        pair.append({
            "noise": noise,
            "spots": wave * (0.75 + 0.25 * noise),
            "blocks": np.floor(wave * 4) / 4,
            "mask": (noise < 0.005).astype(np.float64),
            "signed": 2 * noise * wave - wave,
            "blank": np.zeros_like(noise) if which == "a" else noise,
            "flat": np.full_like(noise, 0.5 if which == "a" else 0.75),
        }[kind].astype(np.float32).astype(np.float64))
    return pair


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore", message="An input array is constant")
    results = {}
    for height, width in SIZES:
        for kind in KINDS:
            a, b = maps(kind, height, width)
            values = [structural_similarity(a, b, data_range=data_range) for data_range in (1.0, 2.0)]
            values.append(spearmanr(a.ravel(), b.ravel()).statistic)
            results[f"{kind} {height}x{width}"] = np.array(values)
            print(kind, height, width, values)
    save_file(results, arguments.out / "similarity.safetensors")
