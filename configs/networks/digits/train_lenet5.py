#!/usr/bin/python3
"""Trains a network like LeNet-5 on rendered digits and MNIST, exports it as ONNX, reports accuracy.

Training sees neither the shipped splits nor MNIST's test images, and stops after a fixed number of
epochs; the test images are only counted at the end. One thread and fixed seeds: the same versions
on the same processor type give the same file.
"""

import argparse
import collections
import math
import pathlib
import platform
import sys

import numpy as np
import onnx
import PIL
import torch
from torch import nn
from torch.nn import functional

import generate_digits
import integer_inference
from idx_files import read_images, read_labelled

BATCH = 128
PEAK_LEARNING_RATE = 4e-3
WEIGHT_DECAY = 1e-3
# Distortion of every training batch, uniform within +- these limits.
MAX_ROTATION_DEG = 10
MAX_SHEAR = 0.15
MAX_STRETCH = 0.12
MAX_SHIFT_PX = 1.5
OPSET = 13


def lenet5():
    """Returns the network: images [n, 1, 28, 28] in 0 .. 1 to logits [n, 10]."""
    return nn.Sequential(collections.OrderedDict(
        conv1=nn.Conv2d(1, 6, 5), relu1=nn.ReLU(), pool1=nn.MaxPool2d(2),
        conv2=nn.Conv2d(6, 16, 5), relu2=nn.ReLU(), pool2=nn.MaxPool2d(2),
        flatten=nn.Flatten(),
        fc1=nn.Linear(256, 120), relu3=nn.ReLU(),
        fc2=nn.Linear(120, 84), relu4=nn.ReLU(),
        fc3=nn.Linear(84, 10)))


def read_mnist(folder, part):
    """Returns (images, labels) of MNIST's part "train" or "t10k"; None if `folder` is absent."""
    if not folder.is_dir():
        return None
    return read_labelled(folder / f"{part}-images-idx3-ubyte.gz",
                         folder / f"{part}-labels-idx1-ubyte.gz")


def training_set(arguments):
    """Returns [(name, images, labels)] to train on."""
    fonts = generate_digits.find_fonts(arguments.font_dir)
    digits = generate_digits.generate(fonts, arguments.digits_seed, arguments.digits_count)
    parts = [(f"rendered digits, seed {arguments.digits_seed}", *digits)]
    mnist = read_mnist(arguments.mnist, "train")
    if mnist is None:
        print(f"train_lenet5.py: {arguments.mnist} is absent; training on rendered digits only",
              file=sys.stderr)
    else:
        parts.append(("MNIST training images", *mnist))
    return parts


def test_sets(folder, mnist_folder):
    """Returns [(name, images, labels)] to count accuracy on."""
    tests = [("rendered digits, test split",
              *read_labelled(folder / "digits-images-idx3-ubyte.gz",
                             folder / "digits-labels-idx1-ubyte.gz"))]
    mnist = read_mnist(mnist_folder, "t10k")
    if mnist is not None:
        images, labels = mnist
        tests.append(("MNIST test, first 500", images[:500], labels[:500]))
        tests.append((f"MNIST test, all {len(images)} at hand", images, labels))
    return tests


def random_affine(images):
    """Returns images [n, 1, 28, 28], each rotated, sheared, stretched and shifted at random."""
    count = len(images)

    def uniform(limit):
        return (2 * torch.rand(count) - 1) * limit
    angle = uniform(math.radians(MAX_ROTATION_DEG))
    shear, shift = uniform(MAX_SHEAR), 2 * MAX_SHIFT_PX / images.shape[-1]
    width, height = 1 + uniform(MAX_STRETCH), 1 + uniform(MAX_STRETCH)
    cosine, sine = torch.cos(angle), torch.sin(angle)
    matrix = torch.stack([
        torch.stack([cosine * width, (cosine * shear - sine) * height, uniform(shift)], 1),
        torch.stack([sine * width, (sine * shear + cosine) * height, uniform(shift)], 1)], 1)
    grid = functional.affine_grid(matrix, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, align_corners=False)


def train(images, labels, epochs):
    """Returns the network trained on images [n, 28, 28] uint8 and labels [n] uint8."""
    network = lenet5()
    inputs = torch.from_numpy(images).unsqueeze(1)
    targets = torch.from_numpy(labels).long()
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=WEIGHT_DECAY)
    steps = math.ceil(len(inputs) / BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, PEAK_LEARNING_RATE, epochs=epochs, steps_per_epoch=steps)
    for epoch in range(epochs):
        total_loss = 0.0
        for chosen in torch.randperm(len(inputs)).split(BATCH):
            batch = random_affine(inputs[chosen].float() / 255)
            loss = functional.cross_entropy(network(batch), targets[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total_loss += loss.item()
        print(f"epoch {epoch + 1} of {epochs}: mean loss {total_loss / steps:.4f}", flush=True)
    return network.eval()


def export(network, path):
    """Writes the network with its weights as ONNX; the number of images stays open."""
    torch.onnx.export(network, torch.zeros(1, 1, 28, 28), str(path), opset_version=OPSET,
                      input_names=["image"], output_names=["logits"],
                      dynamic_axes={"image": {0: "batch"}, "logits": {0: "batch"}})
    onnx.checker.check_model(onnx.load(str(path)), full_check=True)


def check_export(network, path, images):
    """Raises RuntimeError unless the file computes what the network computes."""
    with torch.no_grad():
        wanted = network(torch.tensor(images).unsqueeze(1).float() / 255).numpy()
    written = integer_inference.float_logits(integer_inference.read_network(str(path)), images)
    difference = np.abs(wanted - written).max()
    if difference > 1e-3:
        raise RuntimeError(f"{path}: logits differ from the trained network's by {difference:g}")


def table(rows):
    """Returns rows of text cells, the first one the head, as a Markdown table."""
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|---" * len(rows[0]) + "|", *lines[1:]])


def accuracy_table(layers, calibration, tests):
    """Returns the accuracies on each test set as a Markdown table."""
    rows = []
    for name, images, labels in tests:
        result = integer_inference.evaluate(layers, calibration, images, labels)
        if not rows:
            rows.append(["images", "count", *result])
        shares = (f"{100 * value:.2f} %" for value in result.values())
        rows.append([name, str(len(images)), *shares])
    return table(rows)


def converter_table(layers, calibration):
    """Returns the converter setting of each layer as a Markdown table."""
    quantised = integer_inference.quantise(layers, calibration)
    return table([["layer", "range divisor x gain"],
                  *([layer.layer.name, str(layer.amplification)] for layer in quantised)])


def report(arguments, parts, tests, calibration):
    """Returns the facts of this training run as Markdown."""
    layers = integer_inference.read_network(str(arguments.output))
    parameters = sum(layer.weights.size + layer.bias.size for layer in layers)
    data = table([["trained on", "images"],
                  *([name, str(len(images))] for name, images, _ in parts)])
    return f"""# Training report of {arguments.output.name}

Written by train_lenet5.py.

Network: {len(layers)} layers with weights, {parameters} parameters, ONNX opset {OPSET}.

{data}

Training: seed {arguments.seed}, {arguments.epochs} epochs, batch {BATCH}, one thread, AdamW with
weight decay {WEIGHT_DECAY:g}, one-cycle schedule up to {PEAK_LEARNING_RATE:g}, cross-entropy. Every
batch is distorted at random: rotation up to {MAX_ROTATION_DEG} degrees, shear up to {MAX_SHEAR:g},
stretch up to {100 * MAX_STRETCH:g} % per axis, shift up to {MAX_SHIFT_PX:g} pixels.

Top-1 accuracy. The two int8 columns are integer_inference.py's, calibrated on the
{len(calibration)} images of the calibration split. The test split comes from the same fonts as the
training digits, with another seed. No test image was used to train or to stop.

{accuracy_table(layers, calibration, tests)}

Converter settings chosen on the calibration split (128 rows, signed 8-bit codes):

{converter_table(layers, calibration)}

Commands, in this folder:

```
/usr/bin/python3 generate_digits.py --count 500 --seed 1 --prefix digits
/usr/bin/python3 generate_digits.py --count 128 --seed 2 --prefix calibration
/usr/bin/python3 train_lenet5.py --digits-count {arguments.digits_count} \\
    --digits-seed {arguments.digits_seed} --seed {arguments.seed} --epochs {arguments.epochs}
```

Versions: Python {platform.python_version()}, PyTorch {torch.__version__},
ONNX {onnx.__version__}, NumPy {np.__version__}, Pillow {PIL.__version__}, {platform.machine()}.
"""


def parse_arguments():
    """Returns the checked command line."""
    folder = pathlib.Path(__file__).resolve().parent
    positive = generate_digits.bounded(1, 1_000_000)
    seed = generate_digits.bounded(0, 2**32 - 1)
    parser = argparse.ArgumentParser(
        description="Trains the digits network and writes it as ONNX, with a report.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--mnist", type=pathlib.Path,
                        default=folder.parents[3] / "shared/data/mnist",
                        help="folder of MNIST's four .gz files; left out when absent")
    parser.add_argument("--font-dir", type=pathlib.Path,
                        default=pathlib.Path("/usr/share/fonts/truetype"),
                        help="folder that holds dejavu/ and liberation/")
    parser.add_argument("--digits-count", type=positive, default=20000, help="rendered digits")
    parser.add_argument("--digits-seed", type=seed, default=3, help="their random sequence")
    parser.add_argument("--epochs", type=positive, default=16)
    parser.add_argument("--seed", type=seed, default=1, help="of initial weights and batches")
    parser.add_argument("--output", type=pathlib.Path, default=folder / "digits.onnx")
    parser.add_argument("--report", type=pathlib.Path, default=folder / "REPORT.md")
    arguments = parser.parse_args()
    for path in (arguments.output, arguments.report):
        if not path.parent.is_dir():
            parser.error(f"{path.parent} is not a folder")
    if arguments.digits_seed in (1, 2):
        parser.error("--digits-seed: 1 and 2 are the test and the calibration split")
    return arguments


def run(arguments):
    """Trains, exports, checks and reports."""
    folder = pathlib.Path(__file__).resolve().parent
    calibration = read_images(folder / "calibration-images-idx3-ubyte.gz")
    tests = test_sets(folder, arguments.mnist)
    parts = training_set(arguments)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(arguments.seed)
    network = train(np.concatenate([images for _, images, _ in parts]),
                    np.concatenate([labels for _, _, labels in parts]), arguments.epochs)
    export(network, arguments.output)
    check_export(network, arguments.output, calibration)
    text = report(arguments, parts, tests, calibration)
    arguments.report.write_text(text)
    print(text)


def main():
    """Returns the exit status."""
    arguments = parse_arguments()
    try:
        run(arguments)
    except (OSError, ValueError) as error:
        print(f"train_lenet5.py: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
