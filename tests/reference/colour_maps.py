"""The colour tables of `src/display/colour_tables.rs` from matplotlib.

    python tests/reference/colour_maps.py --out src/display/colour_tables.rs

Magma, viridis and inferno are S. van der Walt's and N. Smith's, cividis is J. Nunez's, C. Anderton's and R. Renslow's;
all four were released under CC0. The diverging map is K. Moreland's formula ("Diverging Color Maps for Scientific
Visualization", 2009) between the blue and the red that he proposes, computed here; jet is its definition by straight
lines. Needs matplotlib.
"""

import argparse
from pathlib import Path

import matplotlib
import numpy as np

BLUE, RED = np.array([59, 76, 192]), np.array([180, 4, 38])
WHITE = np.array([0.9504, 1.0, 1.0888])
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def to_msh(rgb):
    unit = np.asarray(rgb, float) / 255
    linear = np.where(unit > 0.04045, ((unit + 0.055) / 1.055) ** 2.4, unit / 12.92)
    ratio = TO_XYZ @ linear / WHITE
    f = np.where(ratio > 0.008856, np.cbrt(ratio), 7.787 * ratio + 16 / 116)
    lightness, a, b = 116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])
    m = np.sqrt(lightness**2 + a**2 + b**2)
    return np.array([m, np.arccos(lightness / m) if m > 0 else 0, np.arctan2(b, a)])


def to_rgb(msh):
    m, s, h = msh
    lightness, a, b = m * np.cos(s), m * np.sin(s) * np.cos(h), m * np.sin(s) * np.sin(h)
    fy = (lightness + 16) / 116
    f = np.array([fy + a / 500, fy, fy - b / 200])
    xyz = WHITE * np.where(f > 0.206893, f**3, (f - 16 / 116) / 7.787)
    linear = np.linalg.inv(TO_XYZ) @ xyz
    unit = np.where(linear > 0.0031308, 1.055 * np.abs(linear) ** (1 / 2.4) - 0.055, 12.92 * linear)
    return np.clip(np.rint(unit * 255), 0, 255).astype(int)


def adjusted_hue(saturated, unsaturated_m):
    m, s, h = saturated
    if m >= unsaturated_m:
        return h
    spin = s * np.sqrt(unsaturated_m**2 - m**2) / (m * np.sin(s))
    return h + spin if h > -np.pi / 3 else h - spin


def diverging():
    low, high = to_msh(BLUE), to_msh(RED)
    middle = max(low[0], high[0], 88)
    table = []
    for t in np.linspace(0, 1, 256):
        if t < 0.5:
            one, two, u = low, np.array([middle, 0, adjusted_hue(low, middle)]), 2 * t
        else:
            one, two, u = np.array([middle, 0, adjusted_hue(high, middle)]), high, 2 * t - 1
        table.append(to_rgb(one * (1 - u) + two * u))
    return np.array(table)


def jet():
    x = np.arange(256) / 255
    return np.rint(255 * np.stack([np.clip(1.5 - np.abs(4 * x - k), 0, 1) for k in [3, 2, 1]], axis=1)).astype(int)


def named(name):
    # Truncated as in the table that `figure` has always used for inferno.
    return (matplotlib.colormaps[name](np.arange(256))[:, :3] * 255).astype(int)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out
    tables = [
        ("INFERNO", "Inferno (S. van der Walt, N. Smith; CC0).", named("inferno")),
        ("MAGMA", "Magma (S. van der Walt, N. Smith; CC0).", named("magma")),
        ("VIRIDIS", "Viridis (S. van der Walt, N. Smith, E. Firing; CC0).", named("viridis")),
        ("CIVIDIS", "Cividis (J. Nunez, C. Anderton, R. Renslow; CC0).", named("cividis")),
        ("DIVERGING", "Blue over gray to red by K. Moreland's formula.", diverging()),
        ("JET", "Jet, by its definition.", jet()),
    ]
    lines = ["//! Colour tables, 256 colours from the lowest value to the highest; `tests/reference/colour_maps.py` wrote them."]
    for name, about, table in tables:
        lines += ["", f"/// {about}", "#[rustfmt::skip]", f"pub(super) const {name}: [[u8; 3]; 256] = ["]
        for start in range(0, 256, 8):
            row = ", ".join("[" + ", ".join(map(str, colour)) + "]" for colour in table[start : start + 8])
            lines.append(f"    {row},")
        lines.append("];")
    out.write_text("\n".join(lines) + "\n")


main()
