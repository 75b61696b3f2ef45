"""Small models of every kind of layer, saved by Keras itself, with logits and input gradients, for tests/keras_models.rs.

    python tests/reference/keras_models.py --out tests/fixtures/keras            # needs keras 3, tensorflow, h5py
    python tests/reference/keras_models.py --torch --out tests/fixtures/keras    # channels first; needs keras 3, torch
    python tests/reference/keras_models.py --legacy --out tests/fixtures/keras   # needs tf_keras (Keras 2), tensorflow

TensorFlow is the reference: behind torch, Keras repeats the border of an average pool whose `same` padding is uneven.

The image is `formula_image` (foreign_weights.py), cut to the model's extent. `<name>.json` holds what Keras gives: logits
(the values before the last activation), probabilities and the gradient of the last logit by the image, channels first.
"""

import argparse
import gzip
import json
import math
import os
import sys
from pathlib import Path

import numpy as np

LEGACY, TORCH = "--legacy" in sys.argv, "--torch" in sys.argv
os.environ["KERAS_BACKEND"] = "torch" if TORCH else "tensorflow"
os.environ["TF_USE_LEGACY_KERAS"] = "1"
if LEGACY:
    import tensorflow as tf
    import tf_keras as keras
elif TORCH:
    import keras
    import torch
else:
    import keras
    import tensorflow as tf
L = keras.layers

from foreign_weights import formula_image, unit_values

SIDE = 80


def image_of(height, width, channels):
    """[1, c, h, w]"""
    return formula_image(channels, SIDE)[:, :, :height, :width]


def fill(model):
    """Seeded values near those of training; each layer its own, in the order of the layers."""
    for number, weight in enumerate(model.weights):
        if not np.issubdtype(np.dtype(getattr(weight.dtype, "name", weight.dtype)), np.floating):
            continue
        path = getattr(weight, "path", weight.name)
        kind = path.split("/")[-1].split(":")[0]
        shape = tuple(weight.shape)
        u = unit_values(f"{number}/{kind}", int(np.prod(shape))).reshape(shape)
        if kind in ("moving_variance", "variance"):
            value = 0.5 + u
        elif kind == "gamma" or len(shape) == 1 and kind in ("variable", "Variable"):
            value = 0.75 + 0.5 * u
        elif len(shape) > 1:
            fan = np.prod(shape[:2]) if kind == "depthwise_kernel" or "depthwise" in path else np.prod(shape[:-1])
            value = (2 * u - 1) * math.sqrt(6.0 / fan)
        else:
            value = 0.4 * u - 0.2
        weight.assign(value.astype(np.float32))
    for layer in model.layers:
        # Keras works with the moments as they were before; a file is read with those that it holds.
        if isinstance(layer, L.Normalization) and hasattr(layer, "finalize_state"):
            layer.finalize_state()


def judged(model, image, first):
    """Probabilities, logits and the gradient of the last logit."""
    x = image if first else image.transpose(0, 2, 3, 1)
    last = model.layers[-1]
    activation = getattr(last, "activation", None)
    if not TORCH:
        x = tf.Variable(x)
        with tf.GradientTape() as tape:
            if activation is not None and activation.__name__ in ("softmax", "sigmoid"):
                last.activation, kept = keras.activations.linear, last.activation
                logits = model(x, training=False)
                last.activation = kept
            else:
                logits = model(x, training=False)
            top = logits[0, -1]
        gradient = tape.gradient(top, x).numpy()
        probabilities = model(x, training=False).numpy()
        logits = logits.numpy()
    else:
        x = torch.tensor(x, requires_grad=True)
        probabilities = model(x, training=False).detach().numpy()
        last.activation = keras.activations.linear
        logits = model(x, training=False)
        last.activation = activation
        logits[0, -1].backward()
        gradient = x.grad.numpy()
        logits = logits.detach().numpy()
    gradient = gradient if first else gradient.transpose(0, 3, 1, 2)
    return probabilities[0].tolist(), logits[0].tolist(), [float(f"{value:.7g}") for value in gradient.flatten()]


def keep(out, name, model, extent, channels, endings, first=False, **expected):
    fill(model)
    probabilities, logits, gradient = judged(model, image_of(*extent, channels), first)
    for ending in endings:
        path = out / f"{name}.{ending}"
        if ending == "latest.h5":
            model.save(out / "early.h5")
            in_latest_format(out / "early.h5", path)
            (out / "early.h5").unlink()
        else:
            (model.save_weights if ending == "weights.h5" else model.save)(path)
        (out / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes(), 9, mtime=0))
        path.unlink()
    told = {"files": [f"{name}.{ending}" for ending in endings], "extent": extent, "channels": channels, "logits": logits,
            "probabilities": probabilities, **expected, "gradient": gradient}
    (out / f"{name}.json").write_text(json.dumps(told) + "\n")
    print(name, logits, probabilities)


def every_kind():
    """Convolutions with strides, groups, dilation and borders at odd extents, pools, sums, products, activations."""
    i = L.Input((23, 20, 1))
    x = L.Conv2D(8, 3, strides=2, padding="same", activation="relu")(i)
    x = L.SeparableConv2D(12, 3, padding="same", depth_multiplier=2, activation="swish")(x)
    x = L.BatchNormalization(scale=False, epsilon=2e-3)(x)
    x = L.LeakyReLU()(x)
    y = L.DepthwiseConv2D(3, padding="same", use_bias=False)(x)
    y = L.ELU(alpha=0.7)(y)
    x = L.Add()([x, y, L.Activation("tanh")(x)])
    x = L.AveragePooling2D(3, 2, padding="same")(x)
    y = L.Conv2D(12, (3, 2), dilation_rate=2, padding="same", groups=3)(x)
    x = L.Concatenate()([x, L.ReLU(6.0)(y), L.ReLU(negative_slope=0.1)(y)])
    x = L.MaxPooling2D(3, 2, padding="same")(x)
    s = L.GlobalAveragePooling2D(keepdims=True)(x)
    s = L.Conv2D(36, 1, activation="hard_sigmoid")(s)
    x = L.Multiply()([s, x])
    s = L.GlobalAveragePooling2D()(x)
    s = L.Reshape((1, 1, 36))(s)
    s = L.Dense(36, activation="sigmoid")(s)
    x = L.Multiply()([x, s])
    x = L.LayerNormalization()(x)
    x = L.BatchNormalization(center=False)(x)
    x = L.Dense(10, activation="gelu")(x)
    x = L.GaussianNoise(0.1)(x)
    x = L.ZeroPadding2D(((0, 1), (2, 0)))(x)
    x = L.MaxPooling2D(2)(x)
    x = L.Flatten()(x)
    x = L.Dense(10, activation="elu")(x)
    x = L.BatchNormalization()(x)
    x = L.Dropout(0.4)(x)
    return keras.Model(i, L.Dense(1, activation="sigmoid")(x))


def residual():
    """Borders as layers, before a convolution, before pools of what is rectified and of what is not."""
    i = L.Input((33, 33, 3))
    x = L.ZeroPadding2D(3)(i)
    x = L.Conv2D(6, 7, strides=2, name="conv1_conv")(x)
    x = L.BatchNormalization(epsilon=1.001e-5, name="conv1_bn")(x)
    y = L.ZeroPadding2D(1, name="below_zero")(x)
    y = L.MaxPooling2D(3, 2)(y)
    x = L.Activation("relu", name="conv1_relu")(x)
    x = L.ZeroPadding2D(1, name="pool1_pad")(x)
    x = L.MaxPooling2D(3, 2, name="pool1_pool")(x)
    x = L.Add(name="conv2_block1_add")([x, y])
    for stage in (2, 3):
        s = L.Conv2D(12, 1, strides=2, name=f"conv{stage}_block1_0_conv")(x)
        x = L.Conv2D(5, 1, strides=2, name=f"conv{stage}_block1_1_conv", activation="relu")(x)
        x = L.Conv2D(12, 3, padding="same", name=f"conv{stage}_block1_2_conv")(x)
        x = L.Add(name=f"conv{stage}_block1_sum")([s, x])
        x = L.Activation("relu", name=f"conv{stage}_block1_out")(x)
    x = L.ZeroPadding2D(1)(x)
    x = L.AveragePooling2D(2, 1)(x)
    a, b = L.GlobalAveragePooling2D()(x), L.GlobalMaxPooling2D()(x)
    return keras.Model(i, L.Dense(3, activation="softmax")(L.Concatenate()([a, b])))


def nested():
    """A network inside a network, scaled and changed at random before it; layers of the same name inside and outside."""
    i = L.Input((24, 24, 3), name="image")
    x = L.Rescaling(1 / 127.5, -1, name="scaling")(i)
    x = L.Conv2D(6, 3, strides=2, padding="same", name="block1_conv1", activation="relu")(x)
    x = L.Conv2D(6, 3, padding="same", name="block2_conv1", use_bias=False)(x)
    x = L.BatchNormalization(name="block2_bn")(x)
    x = L.Activation("relu", name="block2_act")(x)
    base = keras.Model(i, x, name="backbone")
    base.trainable = False
    return keras.Sequential([
        L.Input((24, 24, 3)), L.RandomFlip("horizontal"), L.RandomRotation(0.1), base,
        L.Conv2D(8, 1, name="top"), L.GlobalAveragePooling2D(), L.Dropout(0.2), L.Dense(4, name="classes"),
        L.Activation("sigmoid"),
    ])


def shared():
    """One layer called twice, and numbers among the arguments, as MobileNetV3 has them."""
    i = L.Input((16, 16, 3))
    once = L.Conv2D(6, 3, padding="same", name="twice")
    x = L.Conv2D(6, 3, padding="same")(i)
    x = once(L.Activation("relu")(once(x)))
    x = x * (L.ReLU(6.0)(x + 3.0) * (1 / 6))
    x = L.Conv2D(5, 3, activation="relu")(x)
    x = L.GlobalAveragePooling2D()(x)
    return keras.Model(i, L.Dense(2)(x))


def plain():
    return keras.Sequential([
        L.Input((20, 20, 1)), L.Conv2D(4, 3, activation="relu"), L.MaxPooling2D(), L.Conv2D(6, 3, activation="relu"),
        L.MaxPooling2D(), L.Flatten(), L.Dense(7, activation="relu"), L.Dropout(0.5), L.Dense(2, activation="softmax"),
    ])


def channels_first():
    i = L.Input((3, 16, 16))
    x = L.Conv2D(6, 3, padding="same", strides=2, data_format="channels_first", activation="relu")(i)
    x = L.BatchNormalization(axis=1)(x)
    x = L.MaxPooling2D(2, data_format="channels_first")(x)
    y = L.Conv2D(6, 1, data_format="channels_first")(x)
    x = L.Concatenate(axis=1)([x, y])
    x = L.Flatten(data_format="channels_first")(x)
    return keras.Model(i, L.Dense(2, activation="softmax")(x))


def averaged():
    """Maps of classes that are averaged, a normalization whose moments lie with the weights, a factor a channel."""
    from keras.src.applications.convnext import LayerScale
    i = L.Input((18, 18, 3))
    normalization = L.Normalization()
    normalization.adapt(unit_values("adapt", 600).reshape(2, 10, 10, 3).astype(np.float32) * [1, 2, 3])
    x = normalization(i)
    x = L.DepthwiseConv2D(7, padding="same", depth_multiplier=2)(x)
    x = L.LayerNormalization(epsilon=1e-6)(x)
    x = L.Dense(8, activation="gelu")(x)
    x = L.Dense(6)(x)
    x = LayerScale(1e-6, 6)(x)
    x = L.Conv2D(3, 1)(x)
    x = L.GlobalAveragePooling2D()(x)
    return keras.Model(i, L.Activation("softmax")(x))


def in_latest_format(source, target):
    """The same file as h5py writes it with libver="latest", with more attributes than an object header holds."""
    import h5py

    def copy(group, new):
        for key, value in group.attrs.items():
            new.attrs[key] = value
        for name, item in group.items():
            if isinstance(item, h5py.Dataset):
                new.create_dataset(name, data=item[()])
            else:
                copy(item, new.create_group(name))

    with h5py.File(source) as old, h5py.File(target, "w", libver="latest") as new:
        for number in range(12):
            new.attrs[f"remark {number}"] = number
        copy(old, new)


def refused(out):
    for name, layers in {
        "refused_layers": [L.Lambda(lambda x: x / 255), L.Conv2D(4, 3), L.PReLU(), L.Conv2D(4, 3), L.PReLU(),
                           L.GlobalAveragePooling2D(), L.Dense(2)],
        "refused_headless": [L.Conv2D(4, 3), L.Activation("relu")],
        "refused_tanh": [L.Conv2D(4, 3), L.GlobalAveragePooling2D(), L.Dense(1, activation="tanh")],
    }.items():
        model = keras.Sequential([L.Input((16, 16, 3)), *layers])
        path = out / f"{name}.keras"
        model.save(path)
        (out / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes(), 9, mtime=0))
        path.unlink()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--legacy", action="store_true")
    parser.add_argument("--torch", action="store_true")
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    if LEGACY:
        keep(out, "keras_2_every_kind", every_kind(), [23, 20], 1, ["h5", "keras"], output="sigmoid")
        keep(out, "keras_2_nested", nested(), [24, 24], 3, ["h5"], output="sigmoid")
        keep(out, "keras_2_shared", shared(), [16, 16], 3, ["h5"])
        keep(out, "keras_2_plain", plain(), [20, 20], 1, ["h5"], output="softmax")
    elif TORCH:
        keep(out, "channels_first", channels_first(), [16, 16], 3, ["keras"], first=True, output="softmax")
    else:
        keep(out, "every_kind", every_kind(), [23, 20], 1, ["h5", "keras"], output="sigmoid")
        keep(out, "residual", residual(), [33, 33], 3, ["h5", "keras", "latest.h5"], output="softmax")
        keep(out, "nested", nested(), [24, 24], 3, ["h5", "keras"], output="sigmoid")
        keep(out, "shared", shared(), [16, 16], 3, ["keras"])
        keep(out, "plain", plain(), [20, 20], 1, ["h5"], output="softmax")
        keep(out, "averaged", averaged(), [18, 18], 3, ["keras", "h5"], output="softmax")
        refused(out)
