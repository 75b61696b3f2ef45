"""Times the eight-method cascade: PAIR's library (Captum for guided backpropagation) beside the release binary.

    cargo build --release
    python benches/peer/cascade.py [--arch inception_v3] [--states 8,4]     (torch, torchvision, saliency, captum)

320x320x3, full width, 2 threads, one image. Ours is the whole command for the original and the states named, from reading
the weights to writing maps and figures; how much forward work those states share is printed beside the share of all
twelve states, which --all runs. PAIR computes every state by the same passes, so one state is timed, between two runs of
ours, and stands for each of them; drawing and loading weights and comparing maps are left out of its time.
"""

import argparse
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

import torch
from eight_methods import BINARY, pair
from full_width import scale, seeded_model, synthetic_radiograph
from PIL import Image
from safetensors.torch import save_file


def ours(folder, arguments):
    command = [BINARY, "cascade", "--model", folder / "model.safetensors", "--arch", arguments.arch, "--image",
               folder / "image.png", "--threads", "2", "--device", "cpu", "--quiet", "--animation", "none", "--out",
               folder / "out"]
    if not arguments.all:
        command += ["--states", arguments.states]
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    seconds = time.perf_counter() - start
    report = json.loads((folder / "out" / "cascade.json").read_text())
    states = len(report["states"])
    work = report["forward_multiply_adds"]
    share = work["reused"] / (work["reused"] + work["done"])
    print(f"  ours: {seconds:.1f} s for {states} states, {share:.0%} of the forward work shared", flush=True)
    return seconds / states


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arch", choices=["inception_v3", "densenet_121"], default="inception_v3")
    parser.add_argument("--states", default="8,4")
    parser.add_argument("--all", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(2)
    os.environ["RAYON_NUM_THREADS"] = "2"
    model = seeded_model(arguments.arch, 320, 0).eval()
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        save_file(model.state_dict(), folder / "model.safetensors")
        gray = synthetic_radiograph(320, 0)
        Image.fromarray(gray).save(folder / "image.png")
        image = scale(gray, arguments.arch)
        first = ours(folder, arguments)
        with torch.no_grad():
            target = int(model(torch.from_numpy(image)).argmax())
        theirs = sum(pair(model, image, target, arguments.arch).values())
        second = ours(folder, arguments)
    print(f"{arguments.arch}, a state: PAIR {theirs:.1f} s, ours {first:.1f} and {second:.1f} s; "
          f"ratio {2 * theirs / (first + second):.2f}")


if __name__ == "__main__":
    main()
