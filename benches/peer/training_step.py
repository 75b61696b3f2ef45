"""Times a training step of PyTorch beside ours, alternating in one run, and prints ratios.

    cargo build --release --example peer_training_step
    python benches/peer/training_step.py [--arch inception_v3] [--rounds 5]           (torch, torchvision, safetensors)

InceptionV3 at width 0.25, 192x192, batch 16, 2 threads: forward with batch statistics, gradients by all weights, AdamW.
"default" is PyTorch as it comes, "best" has channels_last memory.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "reference"))
from networks import build  # noqa: E402

BINARY = ROOT / "target" / "release" / "examples" / "peer_training_step"


def prepared(arguments, layout):
    model = build(arguments.arch, arguments.width, 3, 2).train().requires_grad_(True).to(memory_format=layout)
    image = torch.rand(arguments.batch, 3, arguments.side, arguments.side).contiguous(memory_format=layout)
    return model, image, torch.optim.AdamW(model.parameters(), lr=1e-4)


def timed(model, image, optimizer):
    start = time.perf_counter()
    optimizer.zero_grad()
    (model(image) ** 2).sum().backward()
    optimizer.step()
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arch", default="inception_v3")
    parser.add_argument("--width", type=float, default=0.25)
    parser.add_argument("--side", type=int, default=192)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(2)
    default, best = (prepared(arguments, layout) for layout in (torch.contiguous_format, torch.channels_last))
    timed(*default), timed(*best)
    command = [BINARY, *map(str, (arguments.arch, arguments.width, arguments.side, arguments.batch, 2, 3))]
    rounds = []
    for _ in range(arguments.rounds):
        ours = json.loads(subprocess.check_output(command))
        rounds.append((ours["forward"] + ours["backward"] + ours["update"], timed(*default), timed(*best)))
    ours_secs, default_secs, best_secs = (statistics.median(column) for column in zip(*rounds))
    ratios = [statistics.median(row[index] / row[0] for row in rounds) for index in (1, 2)]
    print(f"{arguments.arch}, seconds a step: ours {ours_secs:.3f}, PyTorch default {default_secs:.3f}, best {best_secs:.3f}")
    print(f"  PyTorch / ours: {ratios[0]:.2f} default, {ratios[1]:.2f} best")


if __name__ == "__main__":
    main()
