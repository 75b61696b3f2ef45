"""Times scikit-image's structural similarity beside ours, alternating in one run, and prints the ratio.

    cargo build --release --example peer_similarity
    python benches/peer/similarity.py            (numpy, scikit-image; one thread)

Two seeded maps of 320x320 at data range 1. scikit-image gets float64, as the study's version computed; medians.
"""

import json
import os
import statistics
import subprocess
import time

import numpy as np
from skimage.metrics import structural_similarity

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
BINARY = os.path.join(ROOT, "target", "release", "examples", "peer_similarity")


def seeded(seed):
    pixels = np.arange(320 * 320, dtype=np.uint32) + np.uint32(seed * 7919)
    return ((pixels * np.uint32(2654435761)) >> np.uint32(8)).astype(np.float64).reshape(320, 320) / 2**24


if __name__ == "__main__":
    a, b = seeded(1), seeded(2)
    ours, both, theirs = [], [], []
    for _ in range(5):
        for _ in range(20):
            start = time.perf_counter()
            value = structural_similarity(a, b, data_range=1.0)
            theirs.append((time.perf_counter() - start) * 1e3)
        found = json.loads(subprocess.run([BINARY], capture_output=True, check=True).stdout)
        assert abs(found["value"] - value) < 1e-12, (found, value)
        ours.append(found["one_range_ms"])
        both.append(found["two_ranges_ms"])
    ours, both, theirs = map(statistics.median, (ours, both, theirs))
    print(f"scikit-image {theirs:.2f} ms, saliscope {ours:.3f} ms ({theirs / ours:.0f} times as fast), "
          f"two data ranges at once {both:.3f} ms")
