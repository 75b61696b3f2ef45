"""Areas below curves by scikit-learn, Otsu's threshold, edges and overlap by scikit-image, for maps of many kinds.

    python tests/reference/localization.py --out tests/fixtures

Maps come from a formula of whole numbers, so the fixture holds results alone. Needs numpy, scikit-image, scikit-learn.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from skimage.filters import sobel, threshold_otsu
from sklearn.metrics import auc, average_precision_score, jaccard_score, precision_recall_curve, roc_auc_score

CASES = [("fine", 40, 50, 1, 0), ("large", 320, 320, 2, 0), ("tied", 64, 64, 3, 9), ("two", 20, 30, 4, 2),
         ("sparse", 100, 80, 5, 0), ("signed", 60, 60, 6, 0)]


def unit(count, seed):
    """Numbers in [0, 1), exact in single precision."""
    pixels = np.arange(count, dtype=np.uint64) + np.uint64(seed * 7919)
    mixed = (pixels * np.uint64(2654435761)) & np.uint64(0xFFFFFFFF)
    mixed ^= mixed >> np.uint64(15)
    mixed = (mixed * np.uint64(2246822519)) & np.uint64(0xFFFFFFFF)
    return ((mixed >> np.uint64(8)).astype(np.float64) / 2**24)


def case(name, height, width, seed, levels):
    count = height * width
    noise = unit(count, seed)
    rows, columns = np.divmod(np.arange(count), width)
    inside = (np.abs(rows - height // 3) < height // 8) & (np.abs(columns - width // 2) < width // 6)
    truth = inside ^ (unit(count, seed + 50) < 0.01)
    scores = np.where(inside, 0.5 + noise / 2, noise)
    if levels:
        scores = np.floor(scores * levels) / 8
    if name == "sparse":
        scores = np.where(noise < 0.9, 0.0, scores)
    if name == "signed":
        scores = scores - 0.5
    return scores.astype(np.float32).astype(np.float64), truth


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    results = {}
    for name, height, width, seed, levels in CASES:
        scores, truth = case(name, height, width, seed, levels)
        precision, recall, _ = precision_recall_curve(truth, scores)
        threshold = threshold_otsu(scores.reshape(height, width))
        edges = sobel(scores.reshape(height, width))
        results[name] = {
            "auprc_trapezoid": auc(recall, precision),
            "average_precision": average_precision_score(truth, scores),
            "roc_auc": roc_auc_score(truth, scores),
            "otsu": float(threshold),
            "iou_otsu": jaccard_score(truth, scores > threshold),
            "marked": int(truth.sum()),
            "edges_sum": float(edges.sum()),
            "edges": [float(edges.ravel()[pixel]) for pixel in range(0, height * width, height * width // 97)],
        }
        print(name, {key: value for key, value in results[name].items() if key != "edges"})
    (arguments.out / "localization.json").write_text(json.dumps(results, indent=1) + "\n")
