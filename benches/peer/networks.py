"""Times forward and input-gradient passes of PyTorch beside ours, alternating in one run, and prints ratios.

    cargo build --release --example peer_pass
    python benches/peer/networks.py [--arch resnet_50] [--batches 1,8] [--rounds 5]      (torch, torchvision, safetensors)

320x320x3, full width, 2 threads, one logit differentiated by the input, no weight gradients. "default" is torchvision's
network as it comes; "best" has batch normalization folded and channels_last memory. "each at its best batch" divides the
shortest time an image of PyTorch's default by ours, over all batches.
"""

import argparse
import copy
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
import torchvision
from safetensors.torch import save_file
from torch.fx.experimental.optimization import fuse

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "reference"))
from full_width import seeded_model  # noqa: E402

BINARY = ROOT / "target" / "release" / "examples" / "peer_pass"


def network(architecture):
    """Ours and torchvision's names differ by underlines alone."""
    if architecture in ("inception_v3", "densenet_121"):
        return seeded_model(architecture, 320, 0)
    plain = architecture.replace("_", "")
    (name,) = [name for name in torchvision.models.list_models(torchvision.models) if name.replace("_", "") == plain]
    torch.manual_seed(0)
    return torchvision.models.get_model(name, weights=None, num_classes=2)


def timed(model, image):
    start = time.perf_counter()
    with torch.no_grad():
        model(image)
    forward = time.perf_counter() - start
    image = image.detach().requires_grad_(True)
    start = time.perf_counter()
    model(image)[:, 1].sum().backward()
    return forward, time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arch", default="inception_v3,densenet_121,resnet_50,mobilenet_v2,efficientnet_b0")
    parser.add_argument("--batches", default="1,8")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--isa", default=None, help="instruction set of ours: avx512, avx2 or portable")
    arguments = parser.parse_args()
    torch.set_num_threads(2)
    for architecture in arguments.arch.split(","):
        default = network(architecture).eval()
        for parameter in default.parameters():
            parameter.requires_grad_(False)
        best = fuse(copy.deepcopy(default)).to(memory_format=torch.channels_last)
        with tempfile.TemporaryDirectory() as folder:
            weights = Path(folder) / "model.safetensors"
            tensors = default.state_dict()
            save_file({name: tensors[name] for name in tensors if not name.endswith("num_batches_tracked")}, weights)
            (Path(folder) / "model.json").write_text(json.dumps({"architecture": architecture}))
            shortest = []
            for batch in map(int, arguments.batches.split(",")):
                image = torch.rand(batch, 3, 320, 320) * 2 - 1
                fast = image.contiguous(memory_format=torch.channels_last)
                timed(default, image), timed(best, fast)
                rounds = []
                for _ in range(arguments.rounds):
                    command = [BINARY, weights, str(batch), "2", "5", *([arguments.isa] if arguments.isa else [])]
                    ours = json.loads(subprocess.check_output(command))
                    rounds.append((ours["forward"], ours["gradient"], *timed(default, image), *timed(best, fast)))
                shortest.append([min(column) / batch for column in zip(*rounds)])
                middle = [statistics.median(column) / batch * 1e3 for column in zip(*rounds)]
                ratio = [statistics.median(row[index] / row[index % 2] for row in rounds) for index in range(2, 6)]
                print(f"{architecture}, batch {batch}, ms an image: ours {middle[0]:.1f} forward, {middle[1]:.1f} with "
                      f"gradient; PyTorch default {middle[2]:.1f}, {middle[3]:.1f}; best {middle[4]:.1f}, {middle[5]:.1f}")
                print(f"  PyTorch / ours: forward {ratio[0]:.2f} default, {ratio[2]:.2f} best; with gradient "
                      f"{ratio[1]:.2f} default, {ratio[3]:.2f} best", flush=True)
            ours, default_secs = (min(row[column] for row in shortest) for column in (1, 3))
            print(f"{architecture}, with gradient, each at its best batch: PyTorch default / ours {default_secs / ours:.2f}",
                  flush=True)


if __name__ == "__main__":
    main()
