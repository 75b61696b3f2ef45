"""Curves and their areas by scikit-learn, average precision of boxes by pycocotools.

    python tests/reference/metrics.py --out tests/fixtures

Scores come from the formula of `networks.py`, so the fixture holds results and boxes alone. Needs scikit-learn,
pycocotools, safetensors, torch (for the formula's module).
"""

import argparse
from pathlib import Path

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from safetensors.numpy import save_file
from sklearn.metrics import auc, average_precision_score, precision_recall_curve, roc_auc_score, roc_curve

from networks import unit_values


def curves(results):
    for name, count, levels in [("fine", 300, None), ("tied", 300, 7), ("two", 41, 2), ("constant", 50, 1)]:
        scores = unit_values(f"scores {name}", count)
        if levels:
            scores = np.floor(scores * levels)
        noise = unit_values(f"truth {name}", count)
        truth = 0.6 * noise + 0.4 * (scores / max(scores.max(), 1)) > 0.55
        precision, recall, _ = precision_recall_curve(truth, scores)
        false_alarms, hits, thresholds = roc_curve(truth, scores, drop_intermediate=False)
        # The first of the descending thresholds that reaches the highest index, but not the one above all scores.
        best = np.argmax(np.round((hits - false_alarms)[1:], 12)) + 1
        results[name] = np.array([roc_auc_score(truth, scores), auc(recall, precision),
                                  average_precision_score(truth, scores), thresholds[best], hits[best],
                                  1 - false_alarms[best], truth.sum()], dtype=np.float64)
        print(name, results[name])


def boxes(results):
    """Boxes on a grid of eighths, so that areas are exact; scores of few levels, so that many tie."""
    random = np.random.default_rng(3)
    truths, detections = [], []
    for image in range(25):
        for _ in range(random.integers(0, 4)):
            corner, size = random.integers(0, 400, 2) / 8, random.integers(40, 160, 2) / 8
            truths.append([image, *corner, *(corner + size)])
            for _ in range(random.integers(0, 4)):
                moved = corner + random.integers(-10, 11, 2) / 8
                detections.append([image, *moved, *(moved + size * random.choice([0.75, 1.0, 1.25]) // 0.125 * 0.125),
                                   random.integers(1, 40) / 40])
        for _ in range(random.integers(0, 3)):
            corner, size = random.integers(0, 400, 2) / 8, random.integers(40, 160, 2) / 8
            detections.append([image, *corner, *(corner + size), random.integers(1, 40) / 40])
    truths, detections = np.array(truths, dtype=np.float32), np.array(detections, dtype=np.float32)

    def rectangle(row):
        row = [float(x) for x in row]
        return [row[1], row[2], row[3] - row[1], row[4] - row[2]]

    coco = COCO()
    coco.dataset = dict(
        images=[dict(id=i) for i in range(25)], categories=[dict(id=1)],
        annotations=[dict(id=i + 1, image_id=int(row[0]), category_id=1, bbox=rectangle(row), iscrowd=0,
                          area=rectangle(row)[2] * rectangle(row)[3]) for i, row in enumerate(truths)])
    coco.createIndex()
    found = coco.loadRes([dict(image_id=int(row[0]), category_id=1, bbox=rectangle(row), score=float(row[5]))
                          for row in detections])
    judge = COCOeval(coco, found, "bbox")
    judge.evaluate()
    judge.accumulate()
    judge.summarize()
    # [threshold, recall, category, area, most detections]
    results["coco"] = judge.eval["precision"][:, :, 0, 0, 2].mean(1)
    results["boxes"], results["detections"] = truths, detections

    # All points, at an overlap of 0.5: raise precisions from the right, sum the steps.
    rows = [(score, hit) for image in judge.evalImgs[:25] if image
            for score, hit in zip(image["dtScores"], image["dtMatches"][0] > 0)]
    order = np.argsort([-score for score, _ in rows], kind="mergesort")
    hits = np.cumsum(np.array([hit for _, hit in rows])[order])
    recall, precision = hits / len(truths), hits / np.arange(1, len(rows) + 1)
    highest = np.maximum.accumulate(precision[::-1])[::-1]
    results["ap50_all_points"] = np.array([np.sum(np.diff(np.concatenate([[0], recall])) * highest)])
    print(len(truths), len(detections), results["coco"], results["ap50_all_points"])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    results = {}
    curves(results)
    boxes(results)
    save_file({key: np.ascontiguousarray(value) for key, value in results.items()}, arguments.out / "metrics.safetensors")
