"""Labels and masks that torchxrayvision reads from made layouts of ChestX-ray14 and VinDr-CXR, whose tables are kept with them.

    python tests/reference/cohorts.py --out tests/fixtures

Needs torchxrayvision 1.5 and numpy. No image is read: masks hang on tables and sizes alone.
"""

import argparse
import hashlib
import io
import json
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import torchxrayvision as xrv

NIH_HEAD = ("Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
            "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]")
VINDR_CLASSES = ["Aortic enlargement", "Pleural effusion", "Pleural thickening", "Nodule/Mass", "Other lesion", "Infiltration"]


def folder_of(**tables):
    folder = Path(tempfile.mkdtemp())
    for name, text in tables.items():
        (folder / f"{name}.csv").write_text(text)
    return folder


def told(mask):
    mask = np.asarray(mask).astype(bool)
    return {"area": int(mask.sum()), "sha256": hashlib.sha256(mask.astype(np.uint8).tobytes()).hexdigest()}


def nih(draw):
    names = ["Atelectasis", "Cardiomegaly", "Effusion", "Infiltration", "Mass", "Nodule", "Pneumonia", "Pneumothorax",
             "Pleural_Thickening", "Hernia"]
    rows, boxes = [NIH_HEAD], ["Image Index,Finding Label,Bbox [x,y,w,h],,,"]
    for index in range(24):
        image = f"{index // 2 + 1:08d}_{index % 2:03d}.png"
        found = [] if index % 4 == 0 else sorted(draw.choice(names, size=draw.integers(1, 4), replace=False))
        rows.append(f"{image},{'|'.join(found) or 'No Finding'},{index % 2},{index // 2 + 1},50,M,PA,2500,2048,0.168,0.168")
        for finding in found[: index % 3]:
            x, y = draw.integers(0, 700, size=2)
            w, h = draw.integers(20, 324, size=2)
            finding = "Infiltrate" if finding == "Infiltration" else finding
            boxes.append(f"{image},{finding},{x}.0,{y}.0,{w}.0,{h}.0,,,")
    labels, boxes = "\n".join(rows) + "\n", "\n".join(boxes) + "\n"
    folder = folder_of(labels=labels, boxes=boxes)
    data = xrv.datasets.NIH_Dataset(str(folder), csvpath=str(folder / "labels.csv"), bbox_list_path=str(folder / "boxes.csv"),
                                    views=["PA"], unique_patients=False)
    images = {}
    for position, image in enumerate(data.csv["Image Index"]):
        masks = data.get_mask_dict(image, 1024)
        images[image] = {
            "labels": {name: int(data.labels[position][column]) for column, name in enumerate(data.pathologies)},
            "masks": {data.pathologies[column]: told(mask[0]) for column, mask in masks.items()},
        }
    return {"labels_csv": labels, "boxes_csv": boxes, "images": images}


def read_vindr(text, sizes):
    """What torchxrayvision makes of a table: labels and masks by image and finding."""
    folder = folder_of(labels=text)
    data = xrv.datasets.VinDr_Dataset(str(folder), csvpath=str(folder / "labels.csv"))
    images = {}
    for position, image in enumerate(data.csv["image_id"]):
        masks = data.get_mask_dict(image, (1, *sizes[image]))
        images[image] = {
            "labels": {name: int(data.labels[position][column]) for column, name in enumerate(data.pathologies)},
            "masks": {data.pathologies[column]: np.asarray(mask[0]).astype(bool) for column, mask in masks.items()},
        }
    return images


def vindr(draw):
    head = "image_id,class_name,class_id,rad_id,x_min,y_min,x_max,y_max"
    rows, sizes = [head], {}
    for index in range(14):
        image = f"{index:032x}"
        height, width = (int(side) for side in draw.integers(120, 200, size=2))
        sizes[image] = [height, width]
        centre = draw.integers(30, 90, size=2)
        shared = draw.choice(VINDR_CLASSES)
        for reader in draw.choice([f"R{number}" for number in range(1, 6)], size=3, replace=False):
            found = [shared] if index % 4 and draw.random() < 0.8 else []
            found += list(draw.choice(VINDR_CLASSES, size=draw.integers(0, 2)))
            if not found:
                rows.append(f"{image},No finding,14,{reader},,,,")
            for name in found:
                x, y = (int(side) for side in centre + draw.integers(-15, 15, size=2))
                w, h = (int(side) for side in draw.integers(10, 60, size=2))
                x2, y2 = min(x + w, width), min(y + h, height)
                rows.append(f"{image},{name},{VINDR_CLASSES.index(name)},{reader},{max(x, 0)}.0,{max(y, 0)}.0,{x2}.0,{y2}.0")
    text = "\n".join(rows) + "\n"
    table = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False)
    whole = read_vindr(text, sizes)
    by_reader = {reader: read_vindr(group.to_csv(index=False), sizes) for reader, group in table.groupby("rad_id")}
    names = sorted(next(iter(whole.values()))["labels"])
    majority = {}
    for image, (height, width) in sizes.items():
        readers = [found[image] for found in by_reader.values() if image in found]
        labels, masks = {}, {}
        for name in names:
            labels[name] = int(2 * sum(reader["labels"][name] for reader in readers) > len(readers))
            nothing = np.zeros((height, width), bool)
            count = sum(reader["masks"].get(name, nothing).astype(int) for reader in readers)
            masks[name] = 2 * count > len(readers)
        majority[image] = {"labels": labels, "masks": {name: mask for name, mask in masks.items() if mask.any()}}
    words = {"union": whole, "majority": majority, **{f"reader:{reader}": found for reader, found in by_reader.items()}}
    expected = {
        word: {image: {"labels": told_of["labels"], "masks": {name: told(mask) for name, mask in told_of["masks"].items()}}
               for image, told_of in found.items()}
        for word, found in words.items()
    }
    return {"labels_csv": text, "sizes": sizes, "readers": expected}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out
    made = {"torchxrayvision": xrv.__version__, "nih": nih(np.random.default_rng(5)), "vindr": vindr(np.random.default_rng(6))}
    (out / "cohorts.json").write_text(json.dumps(made, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
