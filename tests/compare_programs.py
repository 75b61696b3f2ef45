#!/usr/bin/env python3
"""Runs every command of two builds of the program on the same inputs and compares what they write, bit for bit.

    tests/compare_programs.py OLD NEW [--only NAME ...] [--keep DIR]

For changes that must not change a result: maps, scores, tables, figures, phantoms, weights. Left out of the comparison is
only what tells time, version or device (IGNORED_KEYS, IGNORED_FILES). Exit code 0: everything is equal; 1: the differences are
printed; 2: the command line cannot be understood. Needs Python alone; with pyarrow Parquet files are compared by what they
hold.
"""

import argparse
import gzip
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

try:
    from pyarrow import parquet  # Without it Parquet files are compared byte by byte.
except ImportError:
    parquet = None

ROOT = Path(__file__).resolve().parent.parent
MODELS = ROOT / "assets" / "models"
FIXTURES = ROOT / "tests" / "fixtures"

# Keys of JSON that tell time, version or device.
IGNORED_KEYS = {
    "seconds", "secs", "program", "program_version", "version", "saliscope", "created", "device", "executor", "began",
    "finished", "work_secs", "units_per_sec", "secs_left", "training_secs", "secs_now",
}
# The database is compared by its export; checkpoints and logs hold times.
IGNORED_FILES = re.compile(r"\.(sqlite|lock|log|checkpoint)(-\w+)?$")
# What is timed: spans, rates, dates.
TIMES = re.compile(rb"\d+(\.\d+)? units a second|\d+(\.\d+)? ?(ms|s|min|h)\b|\d\d:\d\d(:\d\d)?|\d{4}-\d\d-\d\d")
VERSION = re.compile(rb"saliscope \d+\.\d+\.\d+")

# Name, then lines of arguments; {out} is the folder of the run, {in} holds what the old program prepared.
COMMANDS = {
    "phantom": ["phantom --out {out}/phantoms --count 6 --seed 3 --size 256 --quiet"],
    "inspect": ["inspect {png}", "inspect {dicom}", "inspect --identity {dicom}"],
    "cohort": ["cohort phantom:4:20 --task pneumothorax --json --list --quiet"],
    "predict": [
        "predict --model {models}/pneumothorax_inception_v3_1.safetensors --image {png} --quiet",
        "predict --model {models}/pneumonia_densenet_121_1.safetensors --image {png} --quiet --isa portable",
        "predict --model {models}/pneumonia_densenet_121_1.safetensors --image {png} --quiet --executor candle",
    ],
    "evaluate": [
        "evaluate --model {models}/%s.safetensors --cohort phantom:5:24 --task %s --resamples 200 --json --quiet" % pair
        for pair in [
            ("pneumothorax_densenet_121_1", "pneumothorax"), ("pneumothorax_u_net_1", "pneumothorax"),
            ("pneumonia_retina_net_1", "pneumonia"),
        ]
    ],
    "explain": [
        "explain --model {models}/pneumothorax_inception_v3_1.safetensors --image {png} --out {out}/study --seed 3 --quiet "
        "--preset arun2021",
        "explain --model {models}/pneumonia_densenet_121_1.safetensors --image {png} --out {out}/recommended --quiet "
        "--preset recommended --set SG.samples=3 --set SIG.noise.samples=2 --set XRAI.ig_steps=10",
        "explain --model {models}/pneumonia_densenet_121_1.safetensors --image {dicom} --out {out}/candle --quiet "
        "--methods GRAD,GCAM,GBP,GGCAM --preset arun2021 --executor candle --dicom",
    ],
    "cascade": [
        "cascade --model {models}/pneumothorax_inception_v3_1.safetensors --image {png} --out {out}/study --quiet "
        "--methods GRAD,GCAM,GBP,XRAI --preset arun2021 --states Logits,5 --set XRAI.ig_steps=10",
        "cascade --model {models}/pneumonia_densenet_121_1.safetensors --image {png} --out {out}/recommended --quiet "
        "--methods SG,GGCAM --preset recommended --set SG.samples=2",
    ],
    "figure": ["figure {spec} --out {out}/figure.%s --quiet" % ending for ending in ("svg", "pdf", "png")],
    "benchmark": [
        "benchmark run --protocol {protocol} --out {out}/run --quiet",
        "benchmark export {out}/run --out {out}/export",
        "benchmark report {out}/run --out {out}/report.html",
    ],
    "stats": [
        "stats --data {table} --response value --factor method --group image --resamples 200 --margin 0.05 "
        "--out {out}/stats.json --quiet"
    ],
    "train": [
        "train --cohort phantom:6:24 --task pneumothorax --arch %s --width 0.125 --input-size 96 --epochs 2 --batch 4 "
        "--augment none --trained-on-patients no --out {out}/%s.safetensors --quiet" % (architecture, architecture)
        for architecture in ("densenet_121", "u_net")
    ],
    "convert": ["convert {foreign} {out}/converted.safetensors --quiet"],
}

# What a small benchmark changes in the demo's protocol: few images, few steps.
SMALLER = [
    (re.compile(r"(?m)^methods = .*$"), 'methods = ["GRAD", "SG", "GCAM"]'),
    (re.compile(r"(?m)^source = .*$"), 'source = "phantom:2026:60"'),
    (re.compile(r"(?m)^states = .*$"), 'states = ["Logits", "5"]'),
]


def run(program, arguments, places):
    """Standard output and exit code of one command."""
    words = [word.format(**places) for word in arguments.split()]
    done = subprocess.run([program, *words], capture_output=True, stdin=subprocess.DEVNULL, check=False)
    return done.returncode, done.stdout, done.stderr


def without(value):
    """JSON without what tells time, version or device."""
    if isinstance(value, dict):
        return {key: without(item) for key, item in value.items() if key not in IGNORED_KEYS}
    return [without(item) for item in value] if isinstance(value, list) else value


def content(name, data, place):
    """What is compared of a file: hashes of its parts."""
    digest = lambda part: hashlib.sha256(part).hexdigest()[:16]
    if name.endswith(".npz"):
        with zipfile.ZipFile(place) as archive:
            return {entry: digest(archive.read(entry)) for entry in sorted(archive.namelist())}
    if name.endswith(".json"):
        return {"json": digest(json.dumps(without(json.loads(data)), sort_keys=True).encode())}
    if name.endswith(".parquet") and parquet is not None:
        table = parquet.read_table(place)
        columns = {column: digest(repr(table[column].to_pylist()).encode()) for column in table.column_names}
        return {**columns, "metadata": digest(repr(sorted((table.schema.metadata or {}).items())).encode())}
    if name.endswith(".csv") and data.startswith(b"epoch,"):
        # The last column is the time that an epoch took.
        return {"text": digest(b"\n".join(line.rpartition(b",")[0] for line in data.splitlines()))}
    if name.endswith((".html", ".svg", ".csv", ".md", ".tex", ".txt", ".R", ".toml")):
        return {"text": digest(VERSION.sub(b"saliscope", TIMES.sub(b"", data)))}
    return {"bytes": digest(VERSION.sub(b"saliscope", data))}


def folder_content(folder):
    """Every file below `folder` with its parts."""
    found = {}
    for place in sorted(Path(folder).rglob("*")):
        name = str(place.relative_to(folder))
        if place.is_file() and not IGNORED_FILES.search(name):
            for part, value in content(name, place.read_bytes(), place).items():
                found[f"{name}: {part}"] = value
    return found


def lines_content(output, folder):
    """Standard output, JSON lines without times, other lines without times and folders."""
    found = []
    for line in output.replace(str(folder).encode(), b"OUT").splitlines():
        try:
            found.append(json.dumps(without(json.loads(line)), sort_keys=True).encode())
        except ValueError:
            found.append(TIMES.sub(b"", VERSION.sub(b"saliscope", line)))
    return found


def prepare(program, folder):
    """Inputs that both programs read, made by the old one."""
    def must(arguments, **places):
        code, _, errors = run(program, arguments, places)
        if code != 0:
            sys.exit(f"the old program fails at `{arguments}`: {errors.decode(errors='replace')}")

    must("phantom --out {to} --count 4 --seed 9 --size 256 --quiet", to=str(folder / "phantoms"))
    images = sorted(place for place in (folder / "phantoms").rglob("*") if place.suffix in (".png", ".dcm"))
    of = lambda ending: next((place for place in images if place.suffix == ending and "mask" not in str(place)), images[0])
    must("benchmark init --demo --preset arun2021 --out {to}", to=str(folder / "protocol.toml"))
    text = (folder / "protocol.toml").read_text()
    for pattern, smaller in SMALLER:
        text = pattern.sub(smaller, text, count=1)
    (folder / "protocol.toml").write_text(text)
    spec = {"template": "method_grid", "image": "demo:case", "models": ["demo:pneumothorax_densenet_121_1"],
            "methods": ["GRAD", "GCAM", "GBP"]}
    (folder / "spec.json").write_text(json.dumps(spec))
    rows = ["image,method,value"]
    for image in range(30):
        for number, method in enumerate(("A", "B", "C")):
            rows.append(f"i{image},{method},{(image * 37 % 101) / 101 + number * 0.1 + (image * number % 7) / 70}")
    (folder / "table.csv").write_text("\n".join(rows) + "\n")
    foreign = folder / "foreign.pth"
    foreign.write_bytes(gzip.decompress((FIXTURES / "foreign" / "torch_inception.pth.gz").read_bytes()))
    return {
        "png": str(of(".png")), "dicom": str(of(".dcm")), "models": str(MODELS), "protocol": str(folder / "protocol.toml"),
        "spec": str(folder / "spec.json"), "table": str(folder / "table.csv"), "foreign": str(foreign),
    }


def compare(name, programs, places, folder):
    """Differences of one group of commands."""
    differences = []
    results = []
    for side, program in zip(("old", "new"), programs):
        out = folder / name / side
        out.mkdir(parents=True)
        said = []
        for arguments in COMMANDS[name]:
            code, output, errors = run(program, arguments, {**places, "out": str(out)})
            said.append((code, lines_content(output, out)))
            if code != 0:
                print(f"  {side}: exit code {code} at `{arguments[:90]}`: {errors.decode(errors='replace').strip()[:300]}")
        results.append((said, folder_content(out)))
    (old_said, old_files), (new_said, new_files) = results
    for arguments, old, new in zip(COMMANDS[name], old_said, new_said):
        if old != new:
            differences.append(f"output of `{arguments[:90]}`")
        if old[0] != 0:
            differences.append(f"the old program fails at `{arguments[:90]}`: nothing is compared")
    for key in sorted(old_files.keys() | new_files.keys()):
        if old_files.get(key) != new_files.get(key):
            differences.append(f"{key} ({'differs' if key in old_files and key in new_files else 'on one side only'})")
    return differences, len(old_files)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old")
    parser.add_argument("new")
    parser.add_argument("--only", nargs="+", choices=sorted(COMMANDS))
    parser.add_argument("--keep", help="folder that keeps what both wrote")
    options = parser.parse_args()
    programs = [os.path.abspath(options.old), os.path.abspath(options.new)]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(options.keep or temporary)
        (folder / "in").mkdir(parents=True)
        places = prepare(programs[0], folder / "in")
        total = 0
        for name in options.only or COMMANDS:
            differences, parts = compare(name, programs, places, folder)
            total += len(differences)
            print(f"{name}: {parts} parts of files, {len(differences)} differences", flush=True)
            for difference in differences:
                print(f"  {difference}")
    sys.exit(1 if total else 0)


if __name__ == "__main__":
    main()
