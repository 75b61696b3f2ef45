"""Reads what a benchmark found: every score, and the maps that it kept. Needs NumPy alone.

    saliscope benchmark export run --out results --maps
    python3 examples/read_export.py results

columns.md in the folder says what every column and array means. Research use - not for diagnosis.
"""

import csv
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np

results = Path(sys.argv[1] if len(sys.argv) > 1 else "results")

# Lines that begin with # say which run it was. pandas reads the same: read_csv("scores.csv", comment="#").
with open(results / "scores.csv", newline="", encoding="utf-8") as file:
    scores = list(csv.DictReader(line for line in file if not line.startswith("#")))

# How well the maps of trained networks find what experts marked. A score that is not defined has no value.
values = defaultdict(list)
for score in scores:
    if (score["test"], score["condition"], score["metric"]) == ("utility", "trained", "average_precision"):
        if score["value"]:
            values[score["method"]].append(float(score["value"]))
for method, found in sorted(values.items()):
    print(f"{method}: average precision {np.mean(found):.6f}, mean of {len(found)} maps")

# Maps by image and network; those that show nothing say so in the index.
with open(results / "maps" / "index.csv", newline="", encoding="utf-8") as file:
    index = list(csv.DictReader(file))
for row in index:
    if row["state"] == "Original" and row["outcome"] == "normal":
        with np.load(results / "maps" / row["file"]) as maps:
            one = maps[row["array"]]
        y, x = np.unravel_index(one.argmax(), one.shape)
        print(f"{row['image']}, {row['network']}, {row['method']}: {one.dtype} {one.shape}, largest at row {y}, column {x}")
