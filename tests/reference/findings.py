"""Losses of several findings and classes, their gradients, and temperatures of logits by PyTorch.

    python tests/reference/findings.py --out tests/fixtures

Logits and labels come from the formula of `networks.py`, so the fixture holds results alone. Labels that are not known are
left out of the loss of their finding alone: PyTorch's own loss is asked for each entry, and the mean is taken over the known
ones with their weights. A temperature is fitted by LBFGS on its logarithm in double precision, and SciPy must agree. Needs
torch, scipy, safetensors.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file
from scipy.optimize import minimize_scalar
from torch.nn import functional as F

from networks import unit_values

IMAGES, FINDINGS, CLASSES = 40, 3, 4


def values(name, shape, low, high):
    return torch.from_numpy(low + (high - low) * unit_values(name, int(np.prod(shape)))).reshape(shape)


def labels():
    """1, 0 and, where nobody said, NaN; one image of which nothing is known."""
    units = values("labels", (IMAGES, FINDINGS), 0, 1)
    found = torch.where(units < 0.25, torch.nan, (units > 0.7).double())
    found[3] = torch.nan
    return found


def findings(results):
    logits = values("finding logits", (IMAGES, FINDINGS), -4, 4)
    logits[0] = torch.tensor([300.0, -300.0, 0.0])
    logits.requires_grad_(True)
    truth = labels()
    known = ~torch.isnan(truth)
    weights = torch.tensor([[0.5, 2.0], [1.5, 0.25], [1.0, 3.0]], dtype=torch.float64)
    target = torch.nan_to_num(truth)
    weight = torch.where(target > 0.5, weights[:, 1], weights[:, 0]) * known
    each = F.binary_cross_entropy_with_logits(logits, target, weight, reduction="none")
    loss = each.sum() / weight.sum()
    results["findings"], results["findings_gradient"] = loss.detach(), torch.autograd.grad(loss, logits)[0]


def classes(results):
    logits = values("class logits", (IMAGES, CLASSES), -4, 4)
    logits[0] = torch.tensor([300.0, -300.0, 0.0, 1.0])
    logits.requires_grad_(True)
    targets = class_targets()
    weights = torch.tensor([0.5, 2.0, 1.0, 0.75], dtype=torch.float64)
    loss = F.cross_entropy(logits, targets, weights)
    results["classes"], results["classes_gradient"] = loss.detach(), torch.autograd.grad(loss, logits)[0]


def class_targets():
    return (values("classes", (IMAGES,), 0, 1) * CLASSES).long()


def fitted(loss_of):
    """The temperature of the smallest loss."""
    log = torch.zeros((), dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([log], max_iter=500, tolerance_grad=1e-14, tolerance_change=1e-16, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = loss_of(log.exp())
        loss.backward()
        return loss

    optimizer.step(closure)
    found = log.exp().item()
    other = minimize_scalar(lambda x: loss_of(torch.tensor(np.exp(x))).item(), bracket=(-1, 1), tol=1e-12)
    assert abs(np.exp(other.x) / found - 1) < 1e-6, (found, np.exp(other.x))
    return torch.tensor([found], dtype=torch.float64)


def temperatures(results):
    """Of logits as the program has them, in single precision, which are partly right and too sure."""
    truth = labels()
    known = ~torch.isnan(truth)
    logits = values("answer logits", (IMAGES, FINDINGS), -6, 6) + 5 * torch.where(truth > 0.5, 1.0, -1.0)
    logits = logits.float().double()
    results["temperature_findings"] = fitted(
        lambda t: F.binary_cross_entropy_with_logits((logits / t)[known], truth[known]))
    targets = class_targets()
    scores = values("answer scores", (IMAGES, CLASSES), -9, 9)
    scores[torch.arange(IMAGES), targets] += 6
    scores = scores.float().double()
    results["temperature_classes"] = fitted(lambda t: F.cross_entropy(scores / t, targets))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out
    results = {}
    findings(results)
    classes(results)
    temperatures(results)
    print({key: value.flatten()[:3].tolist() for key, value in results.items()})
    save_file({key: np.ascontiguousarray(value.numpy()) for key, value in results.items()}, out / "findings.safetensors")
