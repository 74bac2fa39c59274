#!/usr/bin/python3
"""Integer inference of the digits network as the chip does it, in numpy, to judge a training run.

Activations are unsigned bytes, weights signed bytes with one scale per output channel, and every
dot product over up to 128 rows is rounded by a signed 8-bit converter, whose range and bit-line
gain are chosen per layer; models/network/quantised.h states the arithmetic. Two things are simpler
here than in the chip's compiler: requantisation uses real factors instead of a multiplier and a
shift, and activation scales are plain maxima over the calibration images.
"""

import argparse
import dataclasses
import pathlib
import sys

import numpy as np
import onnx
import onnx.numpy_helper
from google.protobuf.message import DecodeError

from idx_files import read_images, read_labelled

ARRAY_ROWS = 128
FULL_SCALE = ARRAY_ROWS * 255 * 255
CODE_LIMIT = 127
AMPLIFICATIONS = (1, 2, 4, 8, 16, 32)  # range divisors 1, 2, 4 times gains 1, 2, 4, 8
LOSSLESS = None  # stands for an amplification where the converter passes dot products unchanged
BATCH = 250


@dataclasses.dataclass
class Layer:
    """A convolution without padding; a fully connected layer is one whose kernel is its input."""
    name: str
    weights: np.ndarray  # [out channel, kernel y, kernel x, in channel]
    bias: np.ndarray
    relu: bool = False
    pool: bool = False  # maximum over 2 x 2, stride 2


@dataclasses.dataclass
class IntegerLayer:
    """A Layer whose weights are signed bytes; amplification is range divisor times gain."""
    layer: Layer
    weights: np.ndarray  # [out channel, row], whole numbers
    product_scale: np.ndarray  # real value of one unit of a dot product, per out channel
    output_scale: float
    amplification: object = LOSSLESS


# What a node's attributes must be, where they are given, for Layer to describe it.
EXPECTED_ATTRIBUTES = {
    "Conv": {"dilations": [1, 1], "group": 1, "pads": [0] * 4, "strides": [1, 1]},
    "MaxPool": {"kernel_shape": [2, 2], "pads": [0] * 4, "strides": [2, 2]},
    "Gemm": {"alpha": 1.0, "beta": 1.0, "transA": 0, "transB": 1},
    "Flatten": {"axis": 1},
    "Relu": {},
}


def check_node(node, values):
    """Raises ValueError if a node is outside the form that train_lenet5.py exports."""
    if node.op_type not in EXPECTED_ATTRIBUTES:
        raise ValueError(f"node {node.name}: unexpected operator {node.op_type}")
    expected = EXPECTED_ATTRIBUTES[node.op_type]
    for attribute in node.attribute:
        value = onnx.helper.get_attribute_value(attribute)
        if value != expected.get(attribute.name, value):
            raise ValueError(f"node {node.name}: unexpected {attribute.name} {value}")
    if node.op_type in ("Conv", "Gemm") and (
            len(node.input) != 3 or any(name not in values for name in node.input[1:])):
        raise ValueError(f"node {node.name}: weights and bias must be in the file")


def load_graph(path):
    """Returns the graph of an ONNX file; ValueError if it is not one."""
    try:
        return onnx.load(path).graph
    except DecodeError as error:
        raise ValueError(error) from error


def read_network(path):
    """Returns the layers of an ONNX file of the form that train_lenet5.py exports."""
    try:
        graph = load_graph(path)
        values = {item.name: onnx.numpy_helper.to_array(item) for item in graph.initializer}
        for node in graph.node:
            check_node(node, values)
        if not graph.node or graph.node[0].op_type != "Conv":
            raise ValueError("the first node is not a convolution")
        return layers_of(graph, values)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def layers_of(graph, values):
    """Returns the layers of a graph whose nodes have passed check_node."""
    layers = []
    channels = None  # of the map that Flatten saw; its order changes from CHW to HWC
    for node in graph.node:
        if node.op_type in ("Conv", "Gemm"):
            weights, bias = values[node.input[1]], values[node.input[2]]
            if node.op_type == "Gemm":
                weights = as_kernel(weights, channels)
                channels = None
            layers.append(Layer(node.name, weights.transpose(0, 2, 3, 1), bias))
        elif node.op_type == "Relu":
            layers[-1].relu = True
        elif node.op_type == "MaxPool":
            layers[-1].pool = True
        else:
            channels = len(layers[-1].bias)
    return layers


def as_kernel(weights, channels):
    """Returns fully connected weights [out, in] as [out, channel, y, x] over a square map."""
    outputs, inputs = weights.shape
    if channels is None:
        return weights.reshape(outputs, inputs, 1, 1)
    side = round((inputs / channels) ** 0.5)
    return weights.reshape(outputs, channels, side, side)


def gather(maps, kernel_height, kernel_width):
    """Returns the windows of maps [n, y, x, channel] as [n, y, x, row]."""
    windows = np.lib.stride_tricks.sliding_window_view(maps, (kernel_height, kernel_width), (1, 2))
    windows = windows.transpose(0, 1, 2, 4, 5, 3)
    return windows.reshape(*windows.shape[:3], -1)


def max_pool(maps):
    """Returns the maxima over 2 x 2 pixels of maps [n, y, x, channel]."""
    count, height, width, channels = maps.shape
    return maps.reshape(count, height // 2, 2, width // 2, 2, channels).max((2, 4))


def float_layer(layer, maps):
    """Returns the real-valued output of a layer."""
    _, height, width, _ = layer.weights.shape
    output = gather(maps, height, width) @ layer.weights.reshape(len(layer.bias), -1).T + layer.bias
    if layer.relu:
        output = output.clip(0)
    return max_pool(output) if layer.pool else output


def dot_products(integer_layer, maps):
    """Returns the dot products per block of up to 128 rows: [block, n, y, x, out channel]."""
    _, height, width, _ = integer_layer.layer.weights.shape
    rows, weights = gather(maps, height, width), integer_layer.weights
    return np.stack([rows[..., first:first + ARRAY_ROWS] @ weights[:, first:first + ARRAY_ROWS].T
                     for first in range(0, weights.shape[1], ARRAY_ROWS)])


def convert(products, amplification):
    """Returns dot products as the converter reports them, in units of the dot product.

    Codes are rounded to nearest, halves away from zero, and saturate at +-127.
    """
    if amplification is LOSSLESS:
        return products
    step = FULL_SCALE / (CODE_LIMIT * amplification)
    codes = np.minimum(np.floor(np.abs(products) / step + 0.5), CODE_LIMIT)
    return np.sign(products) * codes * step


def finish(integer_layer, converted):
    """Returns a layer's output from its converted dot products: bytes, or real logits."""
    layer = integer_layer.layer
    output = converted.sum(0) * integer_layer.product_scale + layer.bias
    if not layer.relu:
        return output
    output = np.floor(output / integer_layer.output_scale + 0.5).clip(0, 255)
    return max_pool(output) if layer.pool else output


def integer_layer_of(layer, input_scale, output_maximum):
    """Returns the layer with each output channel's largest weight scaled to 127."""
    weights = layer.weights.reshape(len(layer.bias), -1)
    weight_scale = np.abs(weights).max(1, keepdims=True).clip(1e-12) / 127
    return IntegerLayer(layer, np.rint(weights / weight_scale), weight_scale[:, 0] * input_scale,
                        max(output_maximum, 1e-12) / 255)


def best_amplification(integer_layer, products):
    """Returns the amplification with the least mean-square error in the layer's real output."""
    def error(amplification):
        difference = (convert(products, amplification) - products).sum(0)
        return np.mean((difference * integer_layer.product_scale) ** 2)
    return min(AMPLIFICATIONS, key=error)


def quantise(layers, calibration, lossless=False):
    """Returns integer layers calibrated on images [n, 28, 28]; their codes lossless on request."""
    real = calibration[..., np.newaxis] / 255.0
    integers = calibration[..., np.newaxis].astype(float)
    input_scale, result = 1 / 255, []
    for layer in layers:
        real = float_layer(layer, real)
        integer = integer_layer_of(layer, input_scale, real.max())
        products = dot_products(integer, integers)
        if not lossless:
            integer.amplification = best_amplification(integer, products)
        integers = finish(integer, convert(products, integer.amplification))
        input_scale = integer.output_scale
        result.append(integer)
    return result


def float_logits(layers, images):
    """Returns the logits [n, 10] of images [n, 28, 28] in floating point."""
    maps = images[..., np.newaxis] / 255.0
    for layer in layers:
        maps = float_layer(layer, maps)
    return maps[:, 0, 0, :]


def integer_logits(integer_layers, images):
    """Returns the logits [n, 10] of images [n, 28, 28] in the chip's arithmetic."""
    maps = images[..., np.newaxis].astype(float)
    for layer in integer_layers:
        maps = finish(layer, convert(dot_products(layer, maps), layer.amplification))
    return maps[:, 0, 0, :]


def accuracy(logits_of, layers, images, labels):
    """Returns the fraction of images whose largest logit is at the label."""
    right = 0
    for first in range(0, len(images), BATCH):
        logits = logits_of(layers, images[first:first + BATCH])
        right += np.count_nonzero(logits.argmax(1) == labels[first:first + BATCH])
    return right / len(images)


def evaluate(layers, calibration, images, labels):
    """Returns top-1 accuracies: in floating point, with lossless conversion, with 8-bit codes."""
    return {
        "float": accuracy(float_logits, layers, images, labels),
        "int8, lossless converter": accuracy(
            integer_logits, quantise(layers, calibration, lossless=True), images, labels),
        "int8, 8-bit converter": accuracy(
            integer_logits, quantise(layers, calibration), images, labels),
    }


def parse_arguments():
    """Returns the checked command line."""
    folder = pathlib.Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(
        description="Prints the accuracy of the digits network in floating point and in the "
                    "chip's integer arithmetic.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--model", type=pathlib.Path, default=folder / "digits.onnx")
    parser.add_argument("--calibrate", type=pathlib.Path, help="images that set the scales",
                        default=folder / "calibration-images-idx3-ubyte.gz")
    parser.add_argument("--images", type=pathlib.Path,
                        default=folder / "digits-images-idx3-ubyte.gz")
    parser.add_argument("--labels", type=pathlib.Path,
                        default=folder / "digits-labels-idx1-ubyte.gz")
    parser.add_argument("--count", type=int, help="images to classify (all of them)")
    arguments = parser.parse_args()
    if arguments.count is not None and arguments.count < 1:
        parser.error("--count: give at least 1")
    return arguments


def main():
    """Prints the accuracies and the converter settings; returns the exit status."""
    arguments = parse_arguments()
    try:
        layers = read_network(str(arguments.model))
        calibration = read_images(arguments.calibrate)
        images, labels = read_labelled(arguments.images, arguments.labels)
    except (OSError, ValueError) as error:
        print(f"integer_inference.py: {error}", file=sys.stderr)
        return 2
    images, labels = images[:arguments.count], labels[:arguments.count]
    for name, value in evaluate(layers, calibration, images, labels).items():
        print(f"{name:26} {100 * value:6.2f} % of {len(images)}")
    for layer in quantise(layers, calibration):
        print(f"{layer.layer.name:16} range divisor x gain {layer.amplification}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
