"""Times all eight methods for one image: PAIR's library at its defaults (Captum for guided backpropagation) beside the
release binary, and prints the ratio and the peak memory of both.

    cargo build --release
    python benches/peer/eight_methods.py [--arch inception_v3] [--captum]     (torch, torchvision, saliency, captum)

320x320x3, full width, 2 threads. Ours is the whole command, from reading the weights to writing the figure, before and
after PAIR's run, which takes about two minutes; PAIR is timed without loading. --captum times Captum's SG, IG and SIG in its
own batches too.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from captum.attr import GuidedBackprop, IntegratedGradients, NoiseTunnel
from PIL import Image
from safetensors.torch import save_file
from saliency import core

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "reference"))
from full_width import scale, seeded_model, synthetic_radiograph  # noqa: E402

BINARY = ROOT / "target" / "release" / "saliscope"


def last_features(model, x, architecture):
    """The feature map that Grad-CAM reads."""
    kept = []
    layer = model.Mixed_7c if architecture == "inception_v3" else model.features
    hook = layer.register_forward_hook(lambda module, inputs, output: kept.append(output))
    logits = model(x)
    hook.remove()
    return logits, kept[0]


def pair(model, image, target, architecture):
    """Seconds of each method by PAIR, in its default batch of 1."""

    def gradients(images, call_model_args=None, expected_keys=None):
        x = np.ascontiguousarray(images.transpose(0, 3, 1, 2), dtype=np.float32)
        x = torch.from_numpy(x).requires_grad_(True)
        if expected_keys == [core.base.CONVOLUTION_LAYER_VALUES, core.base.CONVOLUTION_OUTPUT_GRADIENTS]:
            logits, features = last_features(model, x, architecture)
            (gradient,) = torch.autograd.grad(logits[:, target].sum(), features)
            return {
                core.base.CONVOLUTION_LAYER_VALUES: features.detach().numpy().transpose(0, 2, 3, 1),
                core.base.CONVOLUTION_OUTPUT_GRADIENTS: gradient.numpy().transpose(0, 2, 3, 1),
            }
        (gradient,) = torch.autograd.grad(model(x)[:, target].sum(), x)
        return {core.base.INPUT_OUTPUT_GRADIENTS: gradient.numpy().transpose(0, 2, 3, 1)}

    picture = image[0].transpose(1, 2, 0)
    black = np.full_like(picture, picture.min())
    guided = GuidedBackprop(model)
    x = torch.from_numpy(image)
    path = {"x_steps": 10, "x_baseline": black}
    work = {
        "GRAD": lambda: core.GradientSaliency().GetMask(picture, gradients),
        "SG": lambda: core.GradientSaliency().GetSmoothedMask(picture, gradients, nsamples=25, stdev_spread=0.15),
        "IG": lambda: core.IntegratedGradients().GetMask(picture, gradients, **path),
        "SIG": lambda: core.IntegratedGradients().GetSmoothedMask(picture, gradients, nsamples=25, **path),
        "GCAM": lambda: core.GradCam().GetMask(picture, gradients),
        "XRAI": lambda: core.XRAI().GetMask(picture, gradients),
        "GBP": lambda: guided.attribute(x, target=target),
    }
    seconds = {}
    for name, run in work.items():
        start = time.perf_counter()
        run()
        seconds[name] = time.perf_counter() - start
        print(f"  PAIR {name}: {seconds[name]:.2f} s", flush=True)
    return seconds


def captum(model, image, target):
    """Seconds of SG, IG and SIG by Captum, in batches that fit into memory."""
    x = torch.from_numpy(image)
    from captum.attr import Saliency

    work = {
        "SG": lambda: NoiseTunnel(Saliency(model)).attribute(x, nt_type="smoothgrad_sq", nt_samples=25, stdevs=0.3,
                                                             nt_samples_batch_size=25, target=target, abs=False),
        "IG": lambda: IntegratedGradients(model).attribute(x, baselines=-1.0, n_steps=10, target=target),
        "SIG": lambda: NoiseTunnel(IntegratedGradients(model)).attribute(
            x, nt_type="smoothgrad_sq", nt_samples=25, stdevs=0.3, nt_samples_batch_size=1, baselines=-1.0, n_steps=10,
            target=target),
    }
    for name, run in work.items():
        start = time.perf_counter()
        run()
        print(f"  Captum {name}: {time.perf_counter() - start:.2f} s", flush=True)


def ours(folder, architecture):
    command = ["/usr/bin/env", "time", "-f", "peak %M kB", BINARY, "explain", "--model", folder / "model.safetensors",
               "--preset", "arun2021", "--arch", architecture, "--image", folder / "image.png", "--threads", "2", "--device", "cpu", "--quiet",
               "--out", folder / "out"]
    if not Path("/usr/bin/time").exists():
        command = command[4:]
    start = time.perf_counter()
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds = time.perf_counter() - start
    peak = re.search(r"peak (\d+) kB", done.stderr)
    memory = f", peak memory {int(peak[1]) / 1e6:.2f} GB" if peak else ""
    print(f"  ours: {seconds:.2f} s, whole command{memory}", flush=True)
    return seconds


def beside_pair(architecture, what, ours, between=None):
    """Times PAIR between two runs of `ours`, which finds weights and a radiograph in the folder it is given, and prints
    the ratio; `between` is called with network, image and class as well."""
    torch.set_num_threads(2)
    os.environ["RAYON_NUM_THREADS"] = "2"
    model = seeded_model(architecture, 320, 0).eval()
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        save_file(model.state_dict(), folder / "model.safetensors")
        gray = synthetic_radiograph(320, 0)
        Image.fromarray(gray).save(folder / "image.png")
        image = scale(gray, architecture)
        first = ours(folder)
        with torch.no_grad():
            target = int(model(torch.from_numpy(image)).argmax())
        theirs = sum(pair(model, image, target, architecture).values())
        if between:
            between(model, image, target)
        second = ours(folder)
    print(f"{architecture}, {what}: PAIR {theirs:.1f} s, ours {first:.1f} and {second:.1f} s; "
          f"ratio {2 * theirs / (first + second):.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arch", choices=["inception_v3", "densenet_121"], default="inception_v3")
    parser.add_argument("--captum", action="store_true")
    arguments = parser.parse_args()
    beside_pair(arguments.arch, "eight methods", lambda folder: ours(folder, arguments.arch),
                captum if arguments.captum else None)


if __name__ == "__main__":
    main()
