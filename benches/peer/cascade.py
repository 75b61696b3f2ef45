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
import subprocess
import time

from eight_methods import BINARY, beside_pair


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
    beside_pair(arguments.arch, "a state", lambda folder: ours(folder, arguments))


if __name__ == "__main__":
    main()
