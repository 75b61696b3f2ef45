"""Compares the release binary with PyTorch at full width: each map's error against PyTorch in double precision, beside
the error of PyTorch in single precision on the same image.

    cargo build --release
    python tests/reference/full_width.py --work /tmp/full_width --arch inception_v3 [--methods GRAD,IG,GCAM]

Everything is made here: weights by torchvision's initializer from a seed, with batch normalization statistics measured
on synthetic images (untouched statistics would leave the gradient degenerate), a synthetic radiograph as PNG, the noise.
The results of PyTorch are kept in the folder, and read again with --reuse. Double precision takes minutes for SIG and
XRAI. Needs torch, torchvision, safetensors, pillow, scikit-image, saliency.
"""

import argparse
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import networks
import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import nn


def various_image(size, seed):
    """Waves of all lengths, an edge and noise, each of random strength; u8 [size, size]. Statistics measured on images
    that resemble each other would be narrow, and dividing by them would amplify every rounding error."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size] / size
    image = np.full((size, size), rng.uniform(60.0, 190.0))
    for _ in range(12):
        fy, fx = rng.normal(0.0, 1.0, 2) * np.exp(rng.uniform(0.0, 5.0))
        image += rng.uniform(0.0, 25.0) * np.sin(fy * y + fx * x + rng.uniform(0.0, 6.3))
    image += rng.uniform(-60.0, 60.0) * (rng.normal() * (x - 0.5) + rng.normal() * (y - 0.5) > 0)
    image += rng.normal(0.0, rng.uniform(0.0, 20.0), (size, size))
    return np.clip(np.round(image), 0, 255).astype(np.uint8)


def synthetic_radiograph(size, seed):
    """Two dark lungs with ribs, a bright middle, a blob and noise; u8 [size, size]."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size] / size
    image = 150.0 + 60.0 * np.exp(-((x - 0.5) ** 2) / 0.01)
    for centre in (0.3, 0.7):
        lung = np.exp(-(((x - centre) / 0.13) ** 4) - ((y - 0.45) / 0.3) ** 4)
        image -= lung * (90.0 + 12.0 * np.sin(60.0 * y + 8.0 * np.abs(x - centre)))
    image += 50.0 * np.exp(-((x - rng.uniform(0.2, 0.8)) ** 2 + (y - rng.uniform(0.3, 0.7)) ** 2) / 0.004)
    image += rng.normal(0.0, 4.0, (size, size))
    return np.clip(np.round(image), 0, 255).astype(np.uint8)


def scale(gray, architecture):
    """float32 [1, 3, h, w] as the study scales for the architecture."""
    x = gray.astype(np.float32)
    x /= 255
    planes = np.repeat(x[None], 3, 0)
    if architecture == "inception_v3":
        planes -= 0.5
        planes *= 2
    else:
        mean, std = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])
        planes = (planes - mean[:, None, None]) / std[:, None, None]
    return planes[None]


def seeded_model(architecture, size, seed):
    """torchvision's initial weights, batch normalization a little off its initial state and calibrated."""
    torch.manual_seed(seed)
    model = networks.build(architecture)
    for module in model.modules():
        if isinstance(module, nn.Conv2d) and architecture == "densenet_121":
            nn.init.kaiming_normal_(module.weight)
        elif isinstance(module, (nn.Conv2d, nn.Linear)) and architecture == "inception_v3":
            nn.init.trunc_normal_(module.weight, std=0.1, a=-2, b=2)
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.8, 1.2)
            nn.init.normal_(module.bias, 0.0, 0.1)
            module.reset_running_stats()
            module.momentum = None
    images = [scale(various_image(size, 1000 + number), architecture) for number in range(12)]
    batch = torch.from_numpy(np.concatenate(images))
    with torch.no_grad():
        # In training mode every layer is normalized by its own batch, so one pass measures all statistics.
        model.train()
        model(batch)
        model.eval()
    return model


def relative(found, expected):
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


def main():
    # Needs packages that whoever reads this file for its images does without.
    import methods

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for everything this makes")
    parser.add_argument("--arch", choices=["inception_v3", "densenet_121"], default="inception_v3")
    parser.add_argument("--methods", default=",".join(methods.METHODS))
    parser.add_argument("--size", type=int, default=320)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--executor", choices=["cpu", "candle"], default="cpu")
    parser.add_argument("--binary", type=Path, default=Path("target/release/saliscope"))
    parser.add_argument("--prepare", action="store_true", help="make the model, the image and the noise, then stop")
    parser.add_argument("--reuse", action="store_true", help="read PyTorch's maps where an earlier call kept them")
    arguments = parser.parse_args()
    wanted = arguments.methods.split(",")
    torch.set_num_threads(arguments.threads)

    folder = arguments.work / f"{arguments.arch}_{arguments.size}_{arguments.seed}"
    folder.mkdir(parents=True, exist_ok=True)
    model = seeded_model(arguments.arch, arguments.size, arguments.seed)
    weights = folder / "model.safetensors"
    save_file(model.state_dict(), weights)
    card = {
        "architecture": arguments.arch,
        "input_size": [arguments.size, arguments.size],
        "trained_on": "nothing: seeded weights, statistics of synthetic images",
        "sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
    }
    (folder / "model.json").write_text(json.dumps(card, indent=2))
    gray = synthetic_radiograph(arguments.size, arguments.seed)
    Image.fromarray(gray).save(folder / "image.png")
    image = scale(gray, arguments.arch)
    noise = np.random.default_rng(arguments.seed).standard_normal((25, *image.shape[1:])).astype(np.float32)
    np.save(folder / "noise.npy", noise)
    if arguments.prepare:
        print(folder)
        return

    def torch_maps(name, dtype):
        kept = folder / f"torch_{name}.npz"
        known = dict(np.load(kept)) if arguments.reuse and kept.exists() else {}
        if str(known.get("weights")) != card["sha256"]:
            known = {"weights": np.array(card["sha256"])}
        missing = [method for method in wanted if method not in known]
        if missing:
            report = lambda text: print(f"\r{name} {text}    ", end="", file=sys.stderr, flush=True)
            maps, logits = methods.explain(model.to(dtype), image, noise, methods=missing, progress=report)
            print(file=sys.stderr)
            known |= maps | {"logits": logits}
            np.savez(kept, **known)
        return known

    double, single = torch_maps("f64", torch.float64), torch_maps("f32", torch.float32)
    out = folder / "saliscope"
    command = [str(arguments.binary), "explain", "--model", str(weights), "--image", str(folder / "image.png"),
               "--methods", arguments.methods, "--preset", "arun2021", "--noise", str(folder / "noise.npy"),
               "--threads", str(arguments.threads), "--device", "cpu", "--executor", arguments.executor,
               "--quiet", "--out", str(out)]
    subprocess.run(command, check=True)
    ours = np.load(next(out.rglob("maps.npz")))

    logits = np.abs(ours["logits"].ravel() - double["logits"]).max() / np.abs(double["logits"]).max()
    torch_logits = np.abs(single["logits"] - double["logits"]).max() / np.abs(double["logits"]).max()
    print(f"{arguments.arch}, {arguments.size} px, seed {arguments.seed}, {arguments.executor}")
    print(f"{'map':7} {'ours':>9} {'torch f32':>9} {'ratio':>7}  Pearson r")
    print(f"{'logits':7} {logits:9.2e} {torch_logits:9.2e} {logits / max(torch_logits, 1e-12):7.2f}")
    for method in wanted:
        expected, found = double[method], ours[f"{method}_raw"].astype(np.float64)
        own, theirs = relative(found, expected), relative(single[method], expected)
        r = np.corrcoef(found.ravel(), expected.ravel())[0, 1]
        print(f"{method:7} {own:9.2e} {theirs:9.2e} {own / max(theirs, 1e-12):7.2f}  {r:.7f}")


if __name__ == "__main__":
    main()
