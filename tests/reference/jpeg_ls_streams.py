"""JPEG-LS streams and what CharLS (pyjpegls) decodes from them, for src/radiograph/dicom/codec/jpeg_ls/tests.rs.

    python tests/reference/jpeg_ls_streams.py --out tests/fixtures/jpeg_ls.safetensors
    python tests/reference/jpeg_ls_streams.py --pydicom folder     # pydicom's own files, streams and samples, not kept here

Images come from formulas. CharLS encodes neither preset parameters nor restarts: streams with presets come from the
encoder below (ITU-T T.87, annex A, letters of the standard) and restarts are strips joined by hand; CharLS decodes both,
and its samples are what is kept. Needs pyjpegls, numpy, safetensors; --pydicom needs pydicom.
"""

import argparse
import struct
from pathlib import Path

import _CharLS
import jpeg_ls
import numpy as np
from safetensors.numpy import save_file

J = [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10, 11, 12, 13, 14, 15]


def image(rows, columns, components, bits, grain):
    """A ramp with flat patches and noise, [rows, columns, components]."""
    y, x, c = np.meshgrid(np.arange(rows), np.arange(columns), np.arange(components), indexing="ij")
    noise = ((x * 2654435761 + y * 40503 * 65537 + c * 97) % 2**32 >> 16) % 256 / 256.0
    value = 0.5 + 0.3 * np.sin(x / 5.0 + c) * np.cos(y / 7.0) + grain * (noise - 0.5)
    value = np.where((x // 8 + y // 8) % 3 == 0, 0.25 + 0.1 * c, value)
    top = 2**bits - 1
    return np.clip(np.round(value * top), 0, top).astype(np.uint8 if bits <= 8 else np.uint16)


def encode(pixels, bits, near=0, mode=0):
    """CharLS' stream of an image; it takes planes in mode 0 and whole pixels otherwise."""
    rows, columns, components = pixels.shape
    data = pixels.transpose(2, 0, 1) if mode == 0 else pixels
    return bytes(_CharLS._encode(np.ascontiguousarray(data).tobytes(), near, mode, rows, columns, components, bits))


def decode(stream):
    """CharLS' samples, [rows, columns, components] in 16 bits."""
    raw, meta = jpeg_ls.decode_pixel_data(bytes(stream))
    rows, columns, components = meta["height"], meta["width"], meta["components"]
    flat = np.frombuffer(bytes(raw), np.uint8 if meta["bits_per_sample"] <= 8 else "<u2").astype(np.uint16)
    if meta["interleave_mode"] == 0:
        return np.ascontiguousarray(flat.reshape(components, rows, columns).transpose(1, 2, 0))
    return flat.reshape(rows, columns, components)


def split(stream):
    """Bytes before the scan header, scan header, entropy-coded bytes; one scan only."""
    start = stream.index(b"\xff\xda")
    end = start + 2 + struct.unpack(">H", stream[start + 2:start + 4])[0]
    return stream[:start], stream[start:end], stream[end:-2]


def with_restarts(pixels, bits, near, mode, interval):
    """Strips, each coded as an image of its own, as one stream with restart markers."""
    rows = pixels.shape[0]
    head, scan, _ = split(encode(pixels, bits, near, mode))
    out = head + b"\xff\xdd" + struct.pack(">HH", 4, interval) + scan
    for index, row in enumerate(range(0, rows, interval)):
        if index:
            out += bytes([0xFF, 0xD0 + (index - 1) % 8])
        out += split(encode(pixels[row:row + interval], bits, near, mode))[2]
    return out + b"\xff\xd9"


class Bits:
    def __init__(self):
        self.out, self.acc, self.free = bytearray(), 0, 8

    def put(self, value, count):
        for shift in reversed(range(count)):
            self.acc = self.acc << 1 | (value >> shift & 1)
            self.free -= 1
            if self.free == 0:
                self.out.append(self.acc)
                self.free = 7 if self.acc == 0xFF else 8
                self.acc = 0

    def finish(self):
        if self.free < (7 if self.out and self.out[-1] == 0xFF else 8):
            self.put(0, self.free)
        elif self.out and self.out[-1] == 0xFF:
            self.out.append(0)
        return bytes(self.out)


def encode_with_preset(pixels, bits, near, maxval, thresholds, reset):
    """A stream of one component with an LSE segment, by T.87, annex A."""
    rows, columns = pixels.shape
    t1, t2, t3 = thresholds
    step = 2 * near + 1
    value_range = (maxval + 2 * near) // step + 1
    qbpp = (value_range - 1).bit_length()
    bpp = max(2, maxval.bit_length())
    limit = 2 * (bpp + max(8, bpp))
    a = [max(2, (value_range + 32) // 64)] * 367
    b, c, n, nn = [0] * 365, [0] * 365, [1] * 367, [0] * 367
    out, run_index = Bits(), 0

    def golomb(value, k, limit):
        if value >> k < limit - qbpp - 1:
            out.put(1, (value >> k) + 1)
            out.put(value, k)
        else:
            out.put(1, limit - qbpp)
            out.put(value - 1, qbpp)

    def reduced(error):
        error = (error + near) // step if error > 0 else -((near - error) // step)
        error += value_range if error < 0 else 0
        return error - value_range if error >= (value_range + 1) // 2 else error

    def rebuilt(px, error):
        rx = px + error * step
        rx += value_range * step if rx < -near else -value_range * step if rx > maxval + near else 0
        return min(max(rx, 0), maxval)

    def level(d):
        size = abs(d)
        q = (size > near) + (size >= t1) + (size >= t2) + (size >= t3)
        return -q if d < 0 else q

    def parameter(total, count):
        k = 0
        while count << k < total:
            k += 1
        return k

    above = [0] * (columns + 2)
    for row in range(rows):
        above[columns + 1] = above[columns]
        line = [above[1]] + [0] * (columns + 1)
        x = 1
        while x <= columns:
            sample = int(pixels[row, x - 1])
            ra, rb, rc, rd = line[x - 1], above[x], above[x - 1], above[x + 1]
            q = 81 * level(rd - rb) + 9 * level(rb - rc) + level(rc - ra)
            if q:
                sign, q = (1, q) if q > 0 else (-1, -q)
                px = min(ra, rb) if rc >= max(ra, rb) else max(ra, rb) if rc <= min(ra, rb) else ra + rb - rc
                px = min(max(px + sign * c[q], 0), maxval)
                error = reduced(sign * (sample - px))
                line[x] = rebuilt(px, sign * error)
                k = parameter(a[q], n[q])
                if near == 0 and k == 0 and 2 * b[q] <= -n[q]:
                    golomb(2 * error + 1 if error >= 0 else -2 * (error + 1), k, limit)
                else:
                    golomb(2 * error if error >= 0 else -2 * error - 1, k, limit)
                b[q] += error * step
                a[q] += abs(error)
                if n[q] == reset:
                    a[q], b[q], n[q] = a[q] >> 1, b[q] >> 1, n[q] >> 1
                n[q] += 1
                if b[q] <= -n[q]:
                    b[q], c[q] = max(b[q] + n[q], 1 - n[q]), max(c[q] - 1, -128)
                elif b[q] > 0:
                    b[q], c[q] = min(b[q] - n[q], 0), min(c[q] + 1, 127)
                x += 1
                continue
            run = 0
            while x + run <= columns and abs(int(pixels[row, x + run - 1]) - ra) <= near:
                line[x + run] = ra
                run += 1
            x += run
            while run >= 1 << J[run_index]:
                out.put(1, 1)
                run -= 1 << J[run_index]
                run_index = min(run_index + 1, 31)
            if x > columns:
                if run:
                    out.put(1, 1)
                break
            out.put(0, 1)
            out.put(run, J[run_index])
            sample, rb = int(pixels[row, x - 1]), above[x]
            kind = int(abs(ra - rb) <= near)
            px, sign = (ra, 1) if kind else (rb, -1 if ra > rb else 1)
            error = reduced(sign * (sample - px))
            line[x] = rebuilt(px, sign * error)
            q = 365 + kind
            k = parameter(a[q] + (n[q] >> 1 if kind else 0), n[q])
            mapped = int((k == 0 and error > 0 and 2 * nn[q] < n[q]) or (error < 0 and (2 * nn[q] >= n[q] or k > 0)))
            mapped = 2 * abs(error) - kind - mapped
            golomb(mapped, k, limit - J[run_index] - 1)
            nn[q] += error < 0
            a[q] += (mapped + 1 - kind) >> 1
            if n[q] == reset:
                a[q], n[q], nn[q] = a[q] >> 1, n[q] >> 1, nn[q] >> 1
            n[q] += 1
            run_index = max(run_index - 1, 0)
            x += 1
        above = line
    head = b"\xff\xd8\xff\xf7" + struct.pack(">HBHHBBBB", 11, bits, rows, columns, 1, 1, 0x11, 0)
    preset = b"\xff\xf8" + struct.pack(">HBHHHHH", 13, 1, maxval, t1, t2, t3, reset)
    scan = b"\xff\xda" + struct.pack(">HBBBBBB", 8, 1, 1, 0, near, 0, 0)
    return head + preset + scan + out.finish() + b"\xff\xd9"


def streams():
    """Name and stream of each case, and the samples where CharLS does not tell."""
    sizes = [(1, 1), (1, 19), (23, 1), (17, 13), (31, 40)]
    for bits in (2, 5, 8, 10, 12, 16):
        for near in (0, 1, 2, 5):
            if near > (2**bits - 1) // 2 or (near in (1, 2) and bits not in (8, 12, 16)):
                continue
            rows, columns = sizes[(bits + near) % len(sizes)] if near == 1 else (17, 13) if near else (31, 40)
            yield f"gray_{bits}_near_{near}", encode(image(rows, columns, 1, bits, 0.3 if bits < 16 else 0.05), bits, near)
    for rows, columns in sizes:
        pixels = image(rows, columns, 1, 8, 0.02)
        # CharLS' buffer is too small for the smallest images.
        own = encode_with_preset(pixels[:, :, 0], 8, 0, 255, (3, 7, 21), 64)
        yield f"gray_8_{rows}x{columns}", encode(pixels, 8) if rows * columns > 99 else own
    yield "noise_16", encode(image(21, 22, 1, 16, 2.0), 16)
    yield "flat_8", encode(np.full((9, 700, 1), 7, np.uint8), 8)
    for bits in (8, 12, 16):
        for near in (0, 3):
            for mode in (0, 1, 2):
                yield f"colour_{bits}_near_{near}_mode_{mode}", encode(image(9, 24, 3, bits, 0.05), bits, near, mode)
    yield "four_8_mode_2", encode(image(9, 11, 4, 8, 0.05), 8, 0, 2)
    for mode, components in ((0, 1), (1, 3), (2, 3)):
        yield f"restart_mode_{mode}", with_restarts(image(29, 21, components, 8, 0.05), 8, 0, mode, 3)
    yield "restart_16_near_2", with_restarts(image(20, 16, 1, 16, 0.05), 16, 2, 0, 7)
    for name, bits, near, maxval, thresholds, reset in [
        ("plain", 8, 0, 255, (3, 7, 21), 64), ("wide", 8, 0, 255, (9, 30, 90), 3),
        ("near", 8, 2, 255, (8, 40, 41), 255), ("deep", 16, 0, 65535, (18, 67, 276), 31),
        ("maxval", 8, 0, 200, (4, 9, 33), 20), ("twelve", 12, 0, 4000, (5, 500, 3000), 1000),
    ]:
        pixels = np.minimum(image(24, 25, 1, bits, 0.1)[:, :, 0], maxval)
        stream = encode_with_preset(pixels, bits, near, maxval, thresholds, reset)
        # CharLS refuses a MAXVAL below 2^bits - 1; these streams are lossless.
        yield (f"preset_{name}", stream) if maxval == 2**bits - 1 else (f"preset_{name}", stream, pixels[:, :, None])


def of_pydicom(folder):
    import pydicom
    from pydicom.data import get_testdata_files
    from pydicom.encaps import generate_frames

    folder.mkdir(exist_ok=True, parents=True)
    for path in get_testdata_files():
        try:
            data = pydicom.dcmread(path)
            if not data.file_meta.TransferSyntaxUID.startswith("1.2.840.10008.1.2.4.8"):
                continue
            for index, frame in enumerate(generate_frames(data.PixelData, number_of_frames=data.get("NumberOfFrames", 1))):
                save_case(folder / f"{Path(path).stem}_{index}.safetensors", [("frame", frame)])
        except Exception as error:  # noqa: BLE001
            print(path, error)


def save_case(path, cases):
    tensors = {}
    for name, stream, *known in cases:
        try:
            samples = known[0].astype(np.uint16) if known else decode(stream)
        except Exception as error:  # noqa: BLE001
            print(f"{path.name} {name}: CharLS says {error}")
            continue
        tensors[f"{name}.stream"] = np.frombuffer(bytes(stream), np.uint8)
        tensors[f"{name}.samples"] = samples
    save_file(tensors, str(path))
    print(f"{path}: {len(tensors) // 2} streams, {path.stat().st_size} bytes")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path)
    parser.add_argument("--pydicom", type=Path)
    arguments = parser.parse_args()
    if arguments.out:
        save_case(arguments.out, streams())
    if arguments.pydicom:
        of_pydicom(arguments.pydicom)
