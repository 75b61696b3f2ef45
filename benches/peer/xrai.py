"""Times PAIR's XRAI segmentation and merge beside ours, alternating in one run, and prints the ratio.

    cargo build --release --example peer_xrai
    python benches/peer/xrai.py            (numpy, scipy, scikit-image, saliency; 2 threads)

The image is procedural, 320x320x3 with three equal channels, the attribution seeded noise with smooth regions. Checks
that both give the same labels and maps. Ours is the median of 20 runs inside one process, PAIR's one run each round.
"""

import json
import os
import subprocess
import sys
import tempfile
import time

import numpy as np
from saliency.core import xrai
from scipy import ndimage

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(ROOT, "tests", "reference"))
from xrai import chest, gray, labels_of, to_u8  # noqa: E402  (the fixtures' script, found before the package's module)

ROUNDS = 5
BINARY = os.path.join(ROOT, "target", "release", "examples", "peer_xrai")


def main():
    image = gray(to_u8(chest(320, 320, 0.03, 1)).astype(np.float32) / 255 * 2 - 1)
    rng = np.random.default_rng(0)
    smooth = ndimage.gaussian_filter(rng.standard_normal((320, 320)), 6) * 5
    attribution = (smooth + 0.3 * rng.standard_normal((320, 320))).astype(np.float32)
    ratios = []
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, name) for name in ("image.npy", "attribution.npy")]
        np.save(paths[0], np.ascontiguousarray(image.transpose(2, 0, 1)))
        np.save(paths[1], attribution)
        prefix = os.path.join(folder, "ours")
        for _ in range(ROUNDS):
            environment = os.environ | {"RAYON_NUM_THREADS": "2"}
            ours = json.loads(subprocess.check_output([BINARY, *paths, "20", prefix], env=environment))
            start = time.perf_counter()
            masks = xrai._get_segments_felzenszwalb(image)
            segmented = time.perf_counter()
            full, _ = xrai.XRAI._xrai(attribution, masks)
            merged = time.perf_counter()
            ratios.append((merged - start) / (ours["segment"] + ours["full"]))
            print(
                f"PAIR: segment {segmented - start:.3f} s, full merge {merged - segmented:.3f} s; "
                f"ours: {1e3 * ours['segment']:.1f} ms, {1e3 * ours['full']:.1f} ms; ratio {ratios[-1]:.0f}"
            )
        fast, _ = xrai.XRAI._xrai_fast(attribution, masks)
        assert np.array_equal(np.load(prefix + "_labels.npy"), labels_of(image, (224, 224))), "labels differ"
        assert np.abs(np.load(prefix + "_full.npy") - full).max() < 1e-6, "full merges differ"
        assert np.abs(np.load(prefix + "_fast.npy") - fast).max() < 1e-6, "fast merges differ"
    print(f"{ours['masks']} masks, equal labels and maps; median ratio {np.median(ratios):.0f}")


if __name__ == "__main__":
    main()
