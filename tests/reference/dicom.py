"""Compares `saliscope` with pydicom on every DICOM file it finds: stored values, modality LUT, VOI LUT.

    pip install pydicom pydicom-data pylibjpeg pylibjpeg-libjpeg pylibjpeg-openjpeg pylibjpeg-rle pyjpegls numpy
    cargo build --release --examples
    python tests/reference/dicom.py [FOLDER...] [--verbose]

Without folders: pydicom's bundled files and pydicom-data. Stored values are compared exactly (lossy JPEG: by at most
1), after masking pydicom's array to the stored bits; later stages to 2e-6 of the full scale, save windows that lie beyond all
values, which saliscope leaves out. Prints one line a file that
differs or that only one of the two reads, and a table at the end; fails when a value differs.
"""

import argparse
import collections
import hashlib
import json
import pathlib
import subprocess
import sys
import warnings

import numpy as np
import pydicom
from pydicom.pixels import apply_modality_lut, apply_voi_lut, pixel_array

ROOT = pathlib.Path(__file__).resolve().parents[2]
LOSSY_JPEG = {"1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"}
GRAY = ("MONOCHROME1", "MONOCHROME2")


def files(folders):
    if not folders:
        folders = [pathlib.Path(pydicom.__file__).parent / "data"]
        try:
            import data_store

            folders.append(pathlib.Path(data_store.__file__).parent / "data")
        except ImportError:
            pass
    for folder in folders:
        yield from sorted(path for path in pathlib.Path(folder).rglob("*") if path.is_file())


def stored_by_pydicom(ds):
    values = pixel_array(ds, index=0).astype(np.int64)
    bits, high = ds.get("BitsStored", 0), ds.get("HighBit", 0)
    allocated = ds.BitsAllocated
    shift = high + 1 - bits
    if shift > 0 and "1.2.840.10008.1.2.4" not in ds.file_meta.get("TransferSyntaxUID", ""):
        # pydicom leaves the high bit aside: shift the raw words ourselves.
        raw = pixel_array(ds, index=0, correct_unused_bits=False).astype(np.int64) & ((1 << allocated) - 1)
        values = (raw >> shift) & ((1 << bits) - 1)
        if ds.PixelRepresentation:
            values = np.where(values >> (bits - 1), values - (1 << bits), values)
    return values


def shown_by_pydicom(ds, modality):
    """Gray 0 to 1 by the first VOI LUT or window; None where the file has none."""
    has_lut = "VOILUTSequence" in ds and len(ds.VOILUTSequence)
    has_window = "WindowCenter" in ds and "WindowWidth" in ds and ds.WindowCenter is not None
    if not has_lut and not has_window:
        return None
    shown = apply_voi_lut(modality, ds, index=0).astype(np.float64)
    if has_lut:
        low, high = 0, (1 << ds.VOILUTSequence[0].LUTDescriptor[2]) - 1
    else:
        # The output range of apply_windowing: that of the stored values after the modality LUT.
        bits = ds.BitsStored
        if ds.get("ModalityLUTSequence"):
            low, high = 0, (1 << ds.ModalityLUTSequence[0].LUTDescriptor[2]) - 1
        elif ds.PixelRepresentation == 0:
            low, high = 0, (1 << bits) - 1
        else:
            low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
        if not ds.get("ModalityLUTSequence") and "RescaleSlope" in ds and "RescaleIntercept" in ds:
            low, high = (v * ds.RescaleSlope + ds.RescaleIntercept for v in (low, high))
    shown = (shown - float(low)) / (float(high) - float(low))
    return 1 - shown if ds.PhotometricInterpretation == "MONOCHROME1" else shown


def frame(path, count):
    program = ROOT / "target/release/examples/dicom_frame"
    done = subprocess.run([program, "values", path, "0"], capture_output=True)
    if done.returncode:
        return None
    pixels = (len(done.stdout) // 4 - count) // 2
    stored = np.frombuffer(done.stdout, "<i4", count)
    reals = np.frombuffer(done.stdout, "<f4", offset=4 * count)
    return stored, reals[:count], reals[count:]


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("folders", nargs="*")
    arguments.add_argument("--verbose", action="store_true")
    arguments = arguments.parse_args()
    warnings.simplefilter("ignore")
    pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
    import logging

    logging.disable(logging.CRITICAL)
    table = collections.Counter()
    wrong = 0
    for path in files(arguments.folders):
        try:
            ds = pydicom.dcmread(path, force=True)
            if not any(element.tag.group != 2 for element in ds):
                continue
        except Exception:
            continue
        ran = subprocess.run([ROOT / "target/release/saliscope", "inspect", path], capture_output=True, text=True)
        if ran.returncode not in (0, 1):
            print(f"CRASH {ran.returncode} {path.name}: {ran.stderr.strip()[:200]}")
            wrong += 1
            continue
        lines = ran.stdout.splitlines()
        if len(lines) != 1:
            table["several images or none: not compared"] += 1
            continue
        ours = json.loads(lines[0])
        try:
            if "TransferSyntaxUID" not in ds.file_meta:
                ds.file_meta.TransferSyntaxUID = ours["transfer_syntax"]["uid"]
            theirs = stored_by_pydicom(ds)
        except Exception as error:
            kind = "only saliscope" if "error" not in ours else "neither"
            table[kind] += 1
            if arguments.verbose or kind == "only saliscope":
                print(f"{kind}: {path.name}: {ours.get('error')} | {str(error).splitlines()[0][:100]}")
            continue
        gray = ds.get("PhotometricInterpretation") in GRAY
        group = ("gray" if gray else "colour") + (" lossy JPEG" if ds.file_meta.TransferSyntaxUID in LOSSY_JPEG else "")
        if "error" in ours:
            table[f"{group}: only pydicom"] += 1
            print(f"only pydicom: {path.name} ({ds.file_meta.TransferSyntaxUID.name}): {ours['error']}")
            continue
        flat = theirs.ravel()
        digest = hashlib.sha256(flat.astype("<i4").tobytes()).hexdigest()
        found = ours["stored"]
        exact = digest == found["sha256"]
        if exact and (found["minimum"], found["maximum"], found["sum"]) != (flat.min(), flat.max(), flat.sum()):
            print(f"WRONG statistics: {path.name}: {found}")
            wrong += 1
        if exact:
            table[f"{group}: exact"] += 1
        values = frame(path, flat.size)
        if not exact:
            worst = "no values" if values is None else int(np.abs(values[0].astype(np.int64) - flat).max())
            if group == "gray lossy JPEG" and worst == 1:
                table[f"{group}: within 1"] += 1
            else:
                table[f"{group}: differs"] += 1
                wrong += gray
                print(f"DIFFERS by {worst}: {path.name} ({ds.file_meta.TransferSyntaxUID.name}, {group})")
                continue
        if not gray or values is None or not exact:
            continue
        if "SharedFunctionalGroupsSequence" in ds:
            table["functional groups: later stages not compared"] += 1
            continue
        try:
            modality = np.asarray(apply_modality_lut(theirs, ds), np.float64)
        except Exception as problem:
            print(f"pydicom's modality stage failed on {path.name}: {problem}")
            table["pydicom's modality stage failed"] += 1
            continue
        scale = max(float(np.ptp(modality)), 1e-30)
        error = np.abs(values[1] - modality.ravel()).max() / scale
        is_told = any("one gray level" in warning for warning in ours["warnings"])
        try:
            shown = shown_by_pydicom(ds, modality)
        except Exception as problem:
            print(f"pydicom's VOI stage failed on {path.name}: {problem}")
            shown = None
        if shown is not None and is_told and np.ptp(shown) == 0 < np.ptp(modality):
            table["a window that shows one gray level: left out by saliscope, told"] += 1
            shown = None
        error_shown = 0 if shown is None else np.abs(values[2] - shown.ravel()).max()
        table["modality LUT compared"] += 1
        table["VOI LUT or window compared"] += shown is not None
        if error > 2e-6 or error_shown > 2e-6:
            wrong += 1
            print(f"WRONG stages: {path.name}: modality {error:.1e}, display {error_shown:.1e}")
    for kind, count in sorted(table.items()):
        print(f"{count:5}  {kind}")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
