"""Fixtures of tests/xrai.rs: labels from scikit-image, merges from PAIR's `saliency`, resizes from scikit-image.

    python tests/reference/xrai.py            (numpy, scipy, scikit-image 0.26, saliency 0.2.1)

Writes tests/fixtures/xrai/*.npz, stored without compression. Images are procedural. Label images and maps are stored
as runs of equal values within rows, in row-major order (`<name>_values`, `<name>_lengths`).
"""

import os

import numpy as np
from saliency.core import xrai
from scipy import ndimage
from skimage.segmentation import felzenszwalb
from skimage.transform import resize

FOLDER = os.path.join(os.path.dirname(__file__), "..", "fixtures", "xrai")
SCALES = [50, 100, 150, 250, 500, 1200]


def chest(height, width, noise, seed):
    """A bright mediastinum, two dark lungs with ribs, smooth noise; about 0 to 1."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    y, x = (y + 0.37) / height, (x + 0.21) / width
    image = 0.2 + 0.6 * np.exp(-((x - 0.52) ** 2 / 0.02 + (y - 0.6) ** 2 / 0.2))
    for centre in (0.29, 0.72):
        image -= 0.5 / (1 + np.exp(40 * (np.hypot((x - centre) / 0.9, (y - 0.45) / 1.6) - 0.22)))
    image += 0.1 * np.sin(61 * y + 5 * x) * np.exp(-((x - 0.5) ** 2) / 0.05)
    return image + noise * ndimage.gaussian_filter(rng.standard_normal((height, width)), 1)


def to_u8(image):
    low, high = image.min(), image.max()
    return np.round((image - low) / (high - low) * 255).astype(np.uint8)


def attribution(height, width, seed):
    """Smooth regions of both signs and pixel noise, as multiples of 1/32 that int8 holds exactly."""
    rng = np.random.default_rng(seed)
    smooth = ndimage.gaussian_filter(rng.standard_normal((height, width)), 6) * 8
    return np.round((smooth + 0.3 * rng.standard_normal((height, width))) * 32).clip(-128, 127).astype(np.int8)


def runs(array):
    rows = np.ascontiguousarray(array).reshape(-1, array.shape[-1])
    first = np.ones(rows.shape, bool)
    first[:, 1:] = rows[:, 1:] != rows[:, :-1]
    first[:, ::255] = True  # so that lengths fit a byte
    starts = np.flatnonzero(first)
    return rows.ravel()[starts], np.diff(np.concatenate((starts, [rows.size]))).astype(np.uint8)


def labels_of(image, size_px):
    """The label images PAIR's `_get_segments_felzenszwalb` makes before it dilates them."""
    scaled = xrai._normalize_image(image, [-1.0, 1.0], size_px)
    labels = []
    for scale in SCALES:
        label = felzenszwalb(scaled, scale=scale, sigma=0.8, min_size=150)
        label = resize(label, image.shape[:2], order=0, preserve_range=True, mode="constant", anti_aliasing=False)
        labels.append(label.astype(np.int32))
    return np.stack(labels)


def stable_labels_of(image, size_px):
    """The same with edges of equal cost kept in order, which NumPy's default sort does not promise."""
    default = np.argsort
    np.argsort = lambda values, *arguments, **options: default(values, kind="stable")
    try:
        return labels_of(image, size_px)
    finally:
        np.argsort = default


def masks_of(labels, radius_px):
    masks = xrai._unpack_segs_to_masks(list(labels))
    return [xrai.dilation(mask, footprint=xrai.disk(radius_px)) for mask in masks] if radius_px else masks


def segments_fixture(name, image, ties=False, size_px=(224, 224)):
    """`image` is [h, w, c], uint8 or float32; uint8 is scaled to -1..1 as the networks' input is."""
    stored = image
    if image.dtype == np.uint8:
        image = image.astype(np.float32)
        image /= 255
        image -= 0.5
        image *= 2
    labels = stable_labels_of(image, size_px)
    assert ties or np.array_equal(labels, labels_of(image, size_px)), f"{name}: the order of equal costs matters"
    values, lengths = runs(labels)
    arrays = {
        "image": np.ascontiguousarray(stored.transpose(2, 0, 1)),
        "labels_values": values.astype(np.uint8 if values.max() < 256 else np.int16),
        "labels_lengths": lengths,
    }
    return arrays, labels


def merge_results(labels, attribution, options):
    arrays = {}
    for name, (radius_px, arguments) in options.items():
        algorithm = xrai.XRAI._xrai_fast if name.startswith("fast") else xrai.XRAI._xrai
        merged, _ = algorithm(attribution, masks_of(labels, radius_px), **arguments)
        values, lengths = runs(merged.astype(np.float32))
        arrays[f"{name}_values"], arrays[f"{name}_lengths"] = values, lengths
    return arrays


def save(name, arrays):
    path = os.path.join(FOLDER, f"{name}.npz")
    np.savez(path, **arrays)
    print(f"{name}: {os.path.getsize(path)} bytes")


def gray(image):
    return np.repeat(image[..., None], 3, axis=2)


def save_segments(name, image, ties=False, size_px=(224, 224), options=None, seed=0):
    arrays, labels = segments_fixture(name, image, ties, size_px)
    if np.array_equal(image[..., :1], image[..., -1:]) and image.shape[2] == 3:
        arrays["image"] = arrays["image"][:1]
        arrays["copies"] = np.array([3], np.int32)
    else:
        arrays["copies"] = np.array([1], np.int32)
    if options:
        stored = attribution(*image.shape[:2], seed)
        arrays["attribution"] = stored
        arrays |= merge_results(labels, stored.astype(np.float32) / 32, options)
    save(name, arrays)


DEFAULT = {"full": (5, {}), "fast": (5, {})}
ALL_OPTIONS = DEFAULT | {
    "full_area_80": (5, {"area_perc_th": 0.8}),
    "full_area_20": (5, {"area_perc_th": 0.2}),
    "full_pixels_1": (5, {"min_pixel_diff": 1}),
    "fast_pixels_1": (5, {"min_pixel_diff": 1}),
    "full_pixels_400": (5, {"min_pixel_diff": 400}),
    "fast_pixels_400": (5, {"min_pixel_diff": 400}),
    "full_radius_0": (0, {}),
    "fast_radius_0": (0, {}),
    "full_radius_2": (2, {}),
    "fast_radius_2": (2, {}),
}


def segments():
    save_segments("chest_320", gray(to_u8(chest(320, 320, 0.03, 1))), options=DEFAULT, seed=11)
    save_segments("chest_96", gray(to_u8(chest(96, 96, 0.02, 2))), options=ALL_OPTIONS, seed=12)
    save_segments("chest_120x90", gray(to_u8(chest(120, 90, 0.05, 3))), options=ALL_OPTIONS, seed=13)
    bordered = chest(130, 150, 0.03, 4)
    bordered[:20] = bordered[:, :33] = bordered[:, 141:] = bordered.min()
    save_segments("border_130x150", gray(to_u8(bordered)), options=DEFAULT, seed=14)
    colour = np.stack([chest(70, 85, 0.05, seed) for seed in (5, 6, 7)], axis=2).astype(np.float32)
    save_segments("colour_70x85", colour, options=DEFAULT, seed=15)
    rng = np.random.default_rng(8)
    noisy = gray(chest(64, 64, 0.0, 8)) + 0.15 * rng.standard_normal((64, 64, 3))
    save_segments("noisy_64", noisy.astype(np.float32))
    save_segments("noise_17x120", rng.standard_normal((17, 120, 3)).astype(np.float32))
    save_segments("one_channel_60x75", chest(60, 75, 0.02, 9)[..., None].astype(np.float32))
    save_segments("own_size_100x80", gray(to_u8(chest(100, 80, 0.02, 10))), size_px=None)
    save_segments("chest_7x9", gray(to_u8(chest(7, 9, 0.02, 11))))
    save_segments("chest_1x50", gray(to_u8(chest(1, 50, 0.02, 12))))
    steps = np.zeros((160, 160))
    steps[50:100, 25:125] = 1
    steps[65:80] += 0.5
    save_segments("steps_160", gray(to_u8(steps)), ties=True, options=DEFAULT, seed=16)


def sampled(resized):
    """At most about 36 x 36 pixels of a result, with the strides that pick them."""
    strides = [max(1, -(-side // 36)) for side in resized.shape[:2]]
    return resized[:: strides[0], :: strides[1]], strides


def resizes():
    rng = np.random.default_rng(21)
    arrays = {}

    def add(kind, index, image, to, resized):
        picked, strides = sampled(resized)
        arrays[f"{kind}_{index}_input"] = np.ascontiguousarray(np.moveaxis(image, -1, 0) if image.ndim == 3 else image)
        arrays[f"{kind}_{index}_to"] = np.array([*to, *strides], np.int32)
        arrays[f"{kind}_{index}_output"] = np.ascontiguousarray(np.moveaxis(picked, -1, 0) if image.ndim == 3 else picked)

    pairs = [
        ((8, 8), (320, 320)),
        ((10, 10), (320, 320)),
        ((7, 5), (33, 48)),
        ((48, 33), (7, 5)),
        ((64, 64), (8, 8)),
        ((33, 20), (33, 45)),
        ((20, 30), (40, 15)),
        ((1, 6), (9, 3)),
        ((6, 1), (4, 11)),
        ((1, 1), (3, 2)),
        ((9, 9), (9, 9)),
        ((2, 3), (31, 1)),
    ]
    for index, (start, to) in enumerate(pairs):
        image = rng.random(start, dtype=np.float32)
        add("linear", index, image, to, resize(image, to))

    def cubic(image, to):
        return resize(image, to, order=3, mode="constant", preserve_range=True, anti_aliasing=True)

    pairs = [
        ((64, 64), (45, 45)),
        ((40, 60), (90, 31)),
        ((50, 37), (60, 37)),
        ((30, 21), (30, 10)),
        ((12, 80), (11, 13)),
        ((5, 4), (70, 61)),
        ((1, 9), (5, 4)),
        ((2, 2), (224, 224)),
        ((9, 9), (9, 9)),
    ]
    for index, (start, to) in enumerate(pairs):
        image = rng.standard_normal(start).astype(np.float32)
        add("cubic", index, image, to, cubic(image, to))
    index = len(pairs)
    # All above 0: the zeros outside widen the range the result is clipped to, or do not.
    for image, to in [
        (5 + rng.random((20, 26), dtype=np.float32), (13, 40)),
        (rng.random((9, 9), dtype=np.float32) + np.float32(0.01), (50, 50)),
        (-1 - rng.random((15, 12), dtype=np.float32), (8, 6)),
        (rng.random((31, 22, 3), dtype=np.float32), (17, 25)),
        (to_u8(chest(320, 320, 0.03, 22)).astype(np.float32), (224, 224)),
    ]:
        add("cubic", index, image, to, cubic(image, to))
        if image.shape[0] == 320:
            arrays[f"cubic_{index}_input"] = image.astype(np.uint8)
        index += 1

    pairs = [
        ((224, 224), (320, 320)),
        ((33, 47), (20, 100)),
        ((7, 5), (7, 9)),
        ((10, 12), (5, 24)),
        ((5, 5), (15, 1)),
        ((1, 4), (3, 4)),
        ((224, 224), (1024, 700)),
        ((224, 224), (97, 96)),
    ]
    for index, (start, to) in enumerate(pairs):
        image = np.arange(start[0] * start[1], dtype=np.int64).reshape(start)
        resized = resize(image, to, order=0, preserve_range=True, mode="constant", anti_aliasing=False)
        picked, strides = sampled(resized)
        arrays[f"nearest_{index}_to"] = np.array([*start, *to, *strides], np.int32)
        arrays[f"nearest_{index}_output"] = picked.astype(np.int32)
    save("resize", arrays)


if __name__ == "__main__":
    os.makedirs(FOLDER, exist_ok=True)
    segments()
    resizes()
