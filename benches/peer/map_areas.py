"""Times scikit-learn's areas below the curves of one map beside ours, alternating in one run, and prints the ratio.

    cargo build --release --example peer_map_areas
    python benches/peer/map_areas.py             (numpy, scikit-learn; one thread)

A seeded map of 320x320 in single precision against a mask: area below precision and recall by trapezoids, average
precision, area below the ROC curve. Medians.
"""

import json
import os
import statistics
import subprocess
import time

import numpy as np
from sklearn.metrics import auc, average_precision_score, precision_recall_curve, roc_auc_score

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
BINARY = os.path.join(ROOT, "target", "release", "examples", "peer_map_areas")
SIDE = 320


def unit(seed):
    pixels = np.arange(SIDE * SIDE, dtype=np.uint64) + np.uint64(seed * 7919)
    mixed = (pixels * np.uint64(2654435761)) & np.uint64(0xFFFFFFFF)
    mixed ^= mixed >> np.uint64(15)
    mixed = (mixed * np.uint64(2246822519)) & np.uint64(0xFFFFFFFF)
    return ((mixed >> np.uint64(8)) / 2**24).astype(np.float32)


if __name__ == "__main__":
    rows, columns = np.divmod(np.arange(SIDE * SIDE), SIDE)
    truth = ((rows >= 100) & (rows < 160) & (columns >= 80) & (columns < 150)) ^ (unit(2) < 0.01)
    scores = unit(1)
    ours, theirs = [], []
    for _ in range(5):
        for _ in range(10):
            start = time.perf_counter()
            precision, recall, _ = precision_recall_curve(truth, scores)
            values = [auc(recall, precision), average_precision_score(truth, scores), roc_auc_score(truth, scores)]
            theirs.append((time.perf_counter() - start) * 1e3)
        found = json.loads(subprocess.run([BINARY], capture_output=True, check=True).stdout)
        for key, value in zip(["auprc", "average_precision", "roc_auc"], values):
            assert abs(found[key] - value) < 1e-12, (key, found[key], value)
        ours.append(found["ms"])
    ours, theirs = statistics.median(ours), statistics.median(theirs)
    print(f"scikit-learn {theirs:.2f} ms, saliscope {ours:.3f} ms ({theirs / ours:.0f} times as fast)")
