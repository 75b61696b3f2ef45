"""Makes `tests/fixtures/dicom/`: small DICOM files from formulas, and what pydicom reads from them.

    pip install pydicom pylibjpeg pylibjpeg-openjpeg pylibjpeg-libjpeg pylibjpeg-rle pyjpegls numpy pillow safetensors
    python tests/reference/dicom_files.py

`expected.safetensors` holds for each file `<name>.stored` (int32, frame by frame), `<name>.modality`
(float32, where it differs) and, where pydicom has a VOI stage for it, `<name>.display` (float32, 0 to 1, MONOCHROME1
inverted) of frame 0. Nothing in the files is of
a patient: names and numbers are made up.
"""

import io
import pathlib

import numpy as np
from PIL import Image
from pydicom import Dataset, dcmread, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels import apply_modality_lut, pixel_array
from pydicom.sequence import Sequence
from pydicom.uid import UID
from safetensors.numpy import save_file

from dicom import shown_by_pydicom, stored_by_pydicom

OUT = pathlib.Path(__file__).resolve().parents[1] / "fixtures" / "dicom"
SYNTAX = {
    "implicit": "1.2.840.10008.1.2",
    "explicit": "1.2.840.10008.1.2.1",
    "deflated": "1.2.840.10008.1.2.1.99",
    "big_endian": "1.2.840.10008.1.2.2",
    "jpeg": "1.2.840.10008.1.2.4.50",
    "jpeg_lossless": "1.2.840.10008.1.2.4.70",
    "jpeg_ls": "1.2.840.10008.1.2.4.80",
    "jpeg_ls_near": "1.2.840.10008.1.2.4.81",
    "jpeg_2000": "1.2.840.10008.1.2.4.90",
    "jpeg_2000_lossy": "1.2.840.10008.1.2.4.91",
    "rle": "1.2.840.10008.1.2.5",
}
ROWS, COLUMNS = 13, 11
expected = {}


def picture(bits, seed=1, rows=ROWS, columns=COLUMNS, frames=1):
    """Smooth with a little structure, over the whole range of `bits`."""
    f, y, x = np.mgrid[0:frames, 0:rows, 0:columns].astype(float)
    waves = np.sin(0.7 * x + seed) * np.cos(0.45 * y - 0.3 * f) + 0.3 * np.sin(2.1 * x * y / 7 + f)
    waves = (waves - waves.min()) / np.ptp(waves)
    return np.round(waves * ((1 << bits) - 1)).astype(np.int64)


def dataset(values, allocated=16, stored=None, high=None, signed=0, photometric="MONOCHROME2", **more):
    values = np.asarray(values)
    frames, rows, columns = values.shape[:3]
    ds = Dataset()
    ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
    ds.SOPInstanceUID = "2.25.1"
    ds.StudyInstanceUID = "2.25.2"
    ds.SeriesInstanceUID = "2.25.3"
    ds.Modality = "DX"
    ds.SeriesDescription = "formula"
    ds.PatientName = "Formula^Made"
    ds.PatientID = "NOBODY"
    ds.ViewPosition = "PA"
    ds.SamplesPerPixel = values.shape[3] if values.ndim == 4 else 1
    ds.PhotometricInterpretation = photometric
    if frames > 1:
        ds.NumberOfFrames = frames
    ds.Rows, ds.Columns = rows, columns
    ds.BitsAllocated = allocated
    ds.BitsStored = stored or allocated
    ds.HighBit = ds.BitsStored - 1 if high is None else high
    ds.PixelRepresentation = signed
    if ds.SamplesPerPixel > 1:
        ds.PlanarConfiguration = 0
    for name, value in more.items():
        setattr(ds, name, value)
    return ds


def native(values, allocated, big_endian=False):
    if allocated == 1:
        data = np.packbits(np.asarray(values, np.uint8).ravel(), bitorder="little").tobytes()
    else:
        mask = (1 << allocated) - 1
        data = (values & mask).astype(f"{'>' if big_endian else '<'}u{allocated // 8}").tobytes()
    return data + b"\0" * (len(data) % 2)


def write(name, ds, syntax="explicit", pixels=None, edit=None, stored=None, modality=True):
    """Writes the file and what pydicom makes of it; `edit` changes the bytes of the whole file."""
    if pixels is not None:
        ds.PixelData = pixels
        encapsulated = syntax not in ("implicit", "explicit", "deflated", "big_endian")
        ds["PixelData"].VR = "OB" if encapsulated or (ds.BitsAllocated <= 8 and syntax == "explicit") else "OW"
        if encapsulated:
            ds["PixelData"].is_undefined_length = True
    ds.file_meta = FileMetaDataset()
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.file_meta.TransferSyntaxUID = UID(SYNTAX[syntax])
    buffer = io.BytesIO()
    dcmwrite(buffer, ds, enforce_file_format=True)
    whole = buffer.getvalue()
    (OUT / f"{name}.dcm").write_bytes(edit(whole) if edit else whole)
    back = dcmread(io.BytesIO(whole), force=True)
    values = stored_by_pydicom(back)[None] if stored is None else np.asarray(stored)
    if stored is None and back.get("NumberOfFrames", 1) > 1:
        values = pixel_array(back)
    expected[f"{name}.stored"] = values.astype(np.int32)
    if not modality:
        return
    first = np.asarray(apply_modality_lut(values[0], back), np.float64)
    if not np.array_equal(first, values[0]):
        expected[f"{name}.modality"] = first.astype(np.float32)
    shown = shown_by_pydicom(back, apply_modality_lut(values[0], back))
    if shown is not None:
        expected[f"{name}.display"] = shown.astype(np.float32)


def table(entries, first, bits, vr="US"):
    item = Dataset()
    item.add_new("LUTDescriptor", vr, [len(entries) % 65536, first, bits])
    if vr == "SS":
        item["LUTDescriptor"].value = [len(entries) % 65536, first, bits]
    item.ModalityLUTType = "US"
    item.LUTExplanation = "FORMULA"
    item.add_new("LUTData", "OW", np.asarray(entries, "<u2").tobytes())
    return Sequence([item])


def jpeg_lossless(values, bits):
    """Process 14, selection value 1, one component, every category with a code of 5 bits."""
    rows, columns = values.shape
    out = bytearray(b"\xff\xd8\xff\xc3" + bytes([0, 11, bits]) + rows.to_bytes(2, "big") + columns.to_bytes(2, "big"))
    out += bytes([1, 1, 0x11, 0]) + b"\xff\xc4" + (19 + 17).to_bytes(2, "big") + b"\0"
    out += bytes([0, 0, 0, 0, 17] + [0] * 11) + bytes(range(17))
    out += b"\xff\xda" + bytes([0, 8, 1, 1, 0, 1, 0, 0])
    stream = ""
    for y in range(rows):
        for x in range(columns):
            left = values[y, x - 1] if x else (values[y - 1, 0] if y else 1 << (bits - 1))
            difference = int((values[y, x] - left + 32768) % 65536 - 32768)
            category = abs(difference).bit_length()
            stream += f"{category:05b}"
            if category and category < 16:
                low = difference if difference > 0 else difference + (1 << category) - 1
                stream += f"{low:0{category}b}"
    stream += "1" * (-len(stream) % 8)
    coded = int(stream, 2).to_bytes(len(stream) // 8, "big").replace(b"\xff", b"\xff\0")
    return bytes(out) + coded + b"\xff\xd9"


def rle_32(values):
    """Four segments of literal runs, the most significant byte first."""
    segments = b""
    offsets = []
    for byte in range(4):
        offsets.append(64 + len(segments))
        data = values.astype(">u4").view("u1").reshape(-1, 4)[:, byte].tobytes()
        runs = [data[at : at + 128] for at in range(0, len(data), 128)]
        segment = b"".join(bytes([len(run) - 1]) + run for run in runs)
        segments += segment + b"\x80" * (len(segment) % 2)
    head = b"".join(number.to_bytes(4, "little") for number in [4, *offsets])
    return head.ljust(64, b"\0") + segments


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    for old in OUT.glob("*"):
        old.unlink()
    p8, p12, p16 = picture(8), picture(12), picture(16)

    # Number formats.
    for syntax in ("implicit", "explicit"):
        write(f"gray_8_{syntax}", dataset(p8, 8), syntax, native(p8, 8))
    write("monochrome1", dataset(p8, 8, photometric="MONOCHROME1"), pixels=native(p8, 8))
    write("gray_12_in_16", dataset(p12, 16, 12), pixels=native(p12, 16))
    write("dirty_high_bits", dataset(p12, 16, 12), pixels=native(p12 | (picture(4, 5) << 12), 16))
    write("high_bit_15", dataset(p12, 16, 12, 15), pixels=native((p12 << 4) | picture(4, 6), 16))
    write("high_bit_13_signed", dataset(p12, 16, 12, 13, 1), pixels=native((p12 << 2) | (picture(2, 6) << 14) | 3, 16))
    write("signed_16", dataset(p16 - 32768, 16, signed=1), pixels=native(p16 - 32768, 16))
    write("signed_dirty", dataset(p12 - 2048, 16, 12, signed=1), pixels=native((p12 - 2048) & 0xFFF | 0x5000, 16))
    bits = picture(1, 3, 10, 10, 3)
    write("bits_1", dataset(bits, 1), pixels=native(bits, 1))
    p32 = picture(16, 4) * 65536 + picture(16, 9)
    for syntax in ("explicit", "big_endian"):
        big = syntax == "big_endian"
        write(f"gray_16_{syntax}", dataset(p16, 16), syntax, native(p16, 16, big))
        write(f"gray_32_{syntax}", dataset(p32 >> 1, 32), syntax, native(p32 >> 1, 32, big))
    swapped = np.frombuffer(native(p8, 8), "<u2").astype(">u2").tobytes()
    write("gray_8_big_endian_words", dataset(p8, 8), "big_endian", swapped)
    frames = picture(12, 2, frames=3)
    write("frames_12", dataset(frames, 16, 12), pixels=native(frames, 16))

    # Colour.
    rgb = np.stack([picture(8, seed) for seed in (1, 2, 3)], -1)
    write("rgb", dataset(rgb, 8, photometric="RGB"), pixels=native(rgb, 8), modality=False)
    planes = np.moveaxis(rgb, -1, 1)
    write("rgb_planes", dataset(rgb, 8, photometric="RGB", PlanarConfiguration=1), pixels=native(planes, 8), modality=False)
    write("ybr_full", dataset(rgb, 8, photometric="YBR_FULL"), pixels=native(rgb, 8), modality=False)
    even = np.stack([picture(8, seed, 6, 8) for seed in (1, 2, 3)], -1)
    pairs = np.stack([even[..., ::2, 0], even[..., 1::2, 0], even[..., ::2, 1], even[..., ::2, 2]], -1)
    write("ybr_full_422", dataset(even, 8, photometric="YBR_FULL_422"), pixels=native(pairs, 8), modality=False)
    palette = dataset(picture(4, 2), 8, photometric="PALETTE COLOR")
    for colour, step in (("Red", 4000), ("Green", 3000), ("Blue", 2000)):
        setattr(palette, f"{colour}PaletteColorLookupTableDescriptor", [16, 0, 16])
        entries = (np.arange(16) * step).astype("<u2").tobytes()
        setattr(palette, f"{colour}PaletteColorLookupTableData", entries)
    write("palette", palette, pixels=native(picture(4, 2), 8), modality=False)

    # Lookup tables and windows.
    rescale = {"RescaleSlope": "0.5", "RescaleIntercept": "-100.25", "RescaleType": "US"}
    window = {"WindowCenter": "800", "WindowWidth": "1500"}
    write("rescale", dataset(p12, 16, 12, **rescale), pixels=native(p12, 16))
    write("rescale_window", dataset(p12, 16, 12, **rescale, **window), pixels=native(p12, 16))
    several = {"WindowCenter": ["2000", "1000"], "WindowWidth": ["3000", "400"]}
    several["WindowCenterWidthExplanation"] = ["WIDE", "NARROW"]
    write("windows", dataset(p12, 16, 12, photometric="MONOCHROME1", **several), pixels=native(p12, 16))
    write("window_signed", dataset(p12 - 2048, 16, 12, signed=1, WindowCenter="-40", WindowWidth="400"),
          pixels=native(p12 - 2048, 16))
    write("window_exact", dataset(p12, 16, 12, **window, VOILUTFunction="LINEAR_EXACT"), pixels=native(p12, 16))
    write("window_sigmoid", dataset(p12, 16, 12, **window, VOILUTFunction="SIGMOID"), pixels=native(p12, 16))
    write("window_of_1", dataset(p12, 16, 12, WindowCenter="2000", WindowWidth="1"), pixels=native(p12, 16))
    curve = (np.sqrt(np.arange(200) / 199) * 4095).astype(int)
    write("modality_table", dataset(p8, 8, ModalityLUTSequence=table(curve * 16, 20, 16)), pixels=native(p8, 8))
    both = {"ModalityLUTSequence": table(curve * 16, 20, 16), "WindowCenter": "32000", "WindowWidth": "48000"}
    write("modality_table_window", dataset(p8, 8, **both), pixels=native(p8, 8))
    write("voi_table_12_on_8", dataset(p8, 8, VOILUTSequence=table(curve, 10, 12)), pixels=native(p8, 8))
    signed = dataset(p12 - 2048, 16, 12, signed=1, VOILUTSequence=table(curve, -150, 12, "SS"))
    write("voi_table_signed", signed, pixels=native(p12 - 2048, 16))
    all_values = 65535 - (np.arange(65536) // 256) * 257
    write("voi_table_65536", dataset(p16, 16, VOILUTSequence=table(all_values, 0, 16)), "deflated", native(p16, 16))
    write("voi_table_first_of_several", dataset(p8, 8, VOILUTSequence=table(curve, 0, 12), **window), pixels=native(p8, 8))

    # Functional groups: pydicom leaves the rescale in them to its user.
    grouped = dataset(frames, 16, 12)
    groups = []
    for frame in range(3):
        item, value = Dataset(), Dataset()
        value.RescaleIntercept, value.RescaleSlope, value.RescaleType = str(100 * frame - 50), "2", "US"
        item.PixelValueTransformationSequence = Sequence([value])
        groups.append(item)
    grouped.PerFrameFunctionalGroupsSequence = Sequence(groups)
    shared, shown, measures = Dataset(), Dataset(), Dataset()
    shown.WindowCenter, shown.WindowWidth = "3000", "6000"
    measures.PixelSpacing = ["0.2", "0.1"]
    shared.FrameVOILUTSequence = Sequence([shown])
    shared.PixelMeasuresSequence = Sequence([measures])
    grouped.SharedFunctionalGroupsSequence = Sequence([shared])
    write("functional_groups", grouped, pixels=native(frames, 16), modality=False)

    # Compression.
    write("deflated", dataset(p12, 16, 12), "deflated", native(p12, 16))
    # The encoder halves five times, so that the sides must be longer.
    q12, q8, wide = picture(12, 1, 40, 48), picture(8, 1, 40, 48), picture(12, 2, 33, 35, 2)
    for syntax, name, values, ds in (
        ("rle", "rle_8", p8, dataset(p8, 8)),
        ("rle", "rle_16_frames", frames, dataset(frames, 16, 12)),
        ("rle", "rle_rgb", rgb, dataset(rgb, 8, photometric="RGB")),
        ("jpeg_ls", "jpeg_ls_12", p12, dataset(p12, 16, 12)),
        ("jpeg_ls", "jpeg_ls_8", p8, dataset(p8, 8)),
        ("jpeg_2000", "jpeg_2000_12", q12, dataset(q12, 16, 12)),
        ("jpeg_2000", "jpeg_2000_signed", q12 - 2048, dataset(q12 - 2048, 16, 12, signed=1)),
        ("jpeg_2000", "jpeg_2000_frames", wide, dataset(wide, 16, 12)),
    ):
        dtype = f"{'i' if ds.PixelRepresentation else 'u'}{ds.BitsAllocated // 8}"
        squeezed = values[0] if values.shape[0] == 1 else values
        ds.file_meta = FileMetaDataset()
        ds.compress(UID(SYNTAX[syntax]), squeezed.astype(dtype), generate_instance_uid=False)
        write(name, ds, syntax, ds.PixelData, modality=name != "rle_rgb")
    write("rle_32", dataset(p32 >> 1, 32), "rle", encapsulate([rle_32(p32[0] >> 1)]))
    near = dataset(p8, 8)
    near.file_meta = FileMetaDataset()
    near.compress(UID(SYNTAX["jpeg_ls_near"]), p8[0].astype("u1"), jls_error=2, generate_instance_uid=False)
    write("jpeg_ls_near", near, "jpeg_ls_near", near.PixelData)
    lossy = dataset(q8, 8)
    lossy.file_meta = FileMetaDataset()
    lossy.compress(UID(SYNTAX["jpeg_2000_lossy"]), q8[0].astype("u1"), j2k_cr=[4], generate_instance_uid=False)
    write("jpeg_2000_lossy", lossy, "jpeg_2000_lossy", lossy.PixelData)
    write("jpeg_lossless_12", dataset(p12, 16, 12), "jpeg_lossless", encapsulate([jpeg_lossless(p12[0], 12)]))
    write("jpeg_lossless_16", dataset(p16, 16), "jpeg_lossless", encapsulate([jpeg_lossless(p16[0], 16)]))
    two = [jpeg_lossless(frames[index], 12) for index in range(3)]
    write("jpeg_lossless_fragments", dataset(frames, 16, 12), "jpeg_lossless", encapsulate(two, fragments_per_frame=2))
    write("jpeg_lossless_no_table", dataset(frames, 16, 12), "jpeg_lossless",
          encapsulate(two, fragments_per_frame=2, has_bot=False))
    for name, image in (("jpeg", q8[0]), ("jpeg_edges", p8[0])):
        buffer = io.BytesIO()
        Image.fromarray(image.astype("u1")).save(buffer, "jpeg", quality=92)
        write(name, dataset(image[None], 8), "jpeg", encapsulate([buffer.getvalue()]))

    # Files of other writers.
    plain = lambda: dataset(p12, 16, 12, **rescale, **window)
    data = native(p12, 16)

    def end_of_meta(whole):
        return 132 + 12 + int.from_bytes(whole[140:144], "little")

    write("no_preamble", plain(), pixels=data, edit=lambda whole: whole[132:])
    write("no_meta", plain(), pixels=data, edit=lambda whole: whole[end_of_meta(whole):])
    write("no_meta_implicit", plain(), "implicit", data, edit=lambda whole: whole[end_of_meta(whole):])
    write("no_meta_big_endian", plain(), "big_endian", native(p12, 16, True),
          edit=lambda whole: whole[end_of_meta(whole):])
    write("no_group_length", plain(), pixels=data, edit=lambda whole: whole[:132] + whole[144:])
    wrong = SYNTAX["implicit"].encode() + b"\0\0\0"
    write("explicit_marked_implicit", plain(), pixels=data,
          edit=lambda whole: whole.replace(b"1.2.840.10008.1.2.1\0", wrong, 1))
    write("tiff_preamble", plain(), pixels=data, edit=lambda whole: b"II*\0" + whole[4:])

    def unknown(whole):
        """Every text element of group 0028 marked UN."""
        for vr in (b"DS", b"CS"):
            at = whole.find(b"\x28\x00")
            while at >= 0:
                if whole[at + 4 : at + 6] == vr:
                    length = whole[at + 6 : at + 8]
                    whole = whole[: at + 4] + b"UN\0\0" + length + b"\0\0" + whole[at + 8 :]
                at = whole.find(b"\x28\x00", at + 2)
        return whole

    write("un_representation", plain(), pixels=data, edit=unknown)

    # Overlays: bits of their own, not aligned to bytes, and one in an unused bit of the pixels.
    drawn = dataset(p12, 16, 12)
    for group, rows, columns, origin in ((0x6000, ROWS, COLUMNS, [1, 1]), (0x6002, 5, 7, [-2, 4])):
        plane = (np.arange(rows * columns) * 7 % 5 < 2).astype(np.uint8)
        drawn.add_new((group, 0x0010), "US", rows)
        drawn.add_new((group, 0x0011), "US", columns)
        drawn.add_new((group, 0x0040), "CS", "G")
        drawn.add_new((group, 0x0050), "SS", origin)
        drawn.add_new((group, 0x0100), "US", 1)
        drawn.add_new((group, 0x0102), "US", 0)
        drawn.add_new((group, 0x3000), "OW", native(plane, 1))
        expected[f"overlays.{group:04x}"] = plane.astype(np.int32)
    drawn.add_new((0x6004, 0x0010), "US", ROWS)
    drawn.add_new((0x6004, 0x0011), "US", COLUMNS)
    drawn.add_new((0x6004, 0x0100), "US", 16)
    drawn.add_new((0x6004, 0x0102), "US", 13)
    marks = picture(1, 8)
    expected["overlays.6004"] = marks.astype(np.int32)
    write("overlays", drawn, pixels=native(p12 | (marks << 13), 16))

    save_file({key: np.ascontiguousarray(value) for key, value in expected.items()}, OUT / "expected.safetensors")
    (OUT / "expected.safetensors").chmod(0o644)
    total = sum(path.stat().st_size for path in OUT.iterdir())
    print(f"{len(list(OUT.glob('*.dcm')))} files, {total // 1024} KiB")


if __name__ == "__main__":
    main()
