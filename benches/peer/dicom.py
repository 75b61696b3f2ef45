"""Times DICOM decoding beside pydicom with pylibjpeg, alternating in one run, and prints ratios.

    cargo build --release --example dicom_frame
    python benches/peer/dicom.py [--rounds 5] [--repeats 10]     (pydicom, pylibjpeg with its plugins, numpy, pillow)

From the bytes of a file to gray for display: 1024x1024 pixels of a formula, 8 bits as JPEG (what the Kaggle sets are)
and 12 bits with a window as JPEG 2000 and uncompressed.
"""

import argparse
import io
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image
from pydicom import dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels import apply_modality_lut, apply_voi_lut
from pydicom.uid import UID

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "reference"))
import dicom_files  # noqa: E402

BINARY = ROOT / "target" / "release" / "examples" / "dicom_frame"
SIDE = 1024


def by_pydicom(content):
    start = time.perf_counter()
    ds = dcmread(io.BytesIO(content))
    values = ds.pixel_array
    if "WindowCenter" in ds:
        values = apply_voi_lut(apply_modality_lut(values, ds), ds)
        gray = (values / 4095.0).astype(np.float32)
    else:
        gray = values.astype(np.float32) / 255
    assert gray.shape == (SIDE, SIDE)
    return time.perf_counter() - start


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--repeats", type=int, default=10)
    arguments = arguments.parse_args()
    folder = Path(tempfile.mkdtemp())
    dicom_files.OUT = folder
    noise = np.random.default_rng(1).normal(0, 6, (SIDE, SIDE))
    y, x = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    gray = np.clip(128 + 90 * np.sin(9 * x) * np.cos(7 * y) + noise, 0, 255)
    buffer = io.BytesIO()
    Image.fromarray(gray.astype("u1")).save(buffer, "jpeg", quality=90)
    eight = dicom_files.dataset(gray[None].astype(int), 8)
    dicom_files.write("jpeg", eight, "jpeg", encapsulate([buffer.getvalue()]), modality=False)
    twelve = (gray * 16).astype("u2")
    window = {"WindowCenter": "2048", "WindowWidth": "4096"}
    native = dicom_files.dataset(twelve[None], 16, 12, **window)
    dicom_files.write("native", native, "explicit", twelve.tobytes(), modality=False)
    coded = dicom_files.dataset(twelve[None], 16, 12, **window)
    coded.file_meta = FileMetaDataset()
    coded.compress(UID(dicom_files.SYNTAX["jpeg_2000"]), twelve, generate_instance_uid=False)
    dicom_files.write("jpeg_2000", coded, "jpeg_2000", coded.PixelData, modality=False)
    for name in ("jpeg", "native", "jpeg_2000"):
        path = folder / f"{name}.dcm"
        content = path.read_bytes()
        ours, theirs = [], []
        for _ in range(arguments.rounds):
            ran = subprocess.run([BINARY, "time", path, str(arguments.repeats)], capture_output=True, check=True)
            ours.append(min(map(float, ran.stdout.split())))
            theirs.append(min(by_pydicom(content) for _ in range(arguments.repeats)))
        ours, theirs = statistics.median(ours), statistics.median(theirs)
        print(f"{name:10} saliscope {ours * 1e3:6.1f} ms   pydicom {theirs * 1e3:6.1f} ms   ratio {ours / theirs:.2f}")


if __name__ == "__main__":
    main()
