"""Reads and writes the IDX files of unsigned bytes that MNIST is published in, plain or gzip."""

import gzip
import struct
import zlib

import numpy as np

GZIP_MAGIC = b"\x1f\x8b"
UNSIGNED_BYTE = 0x08


def read_idx(path):
    """Returns the array of uint8 in an IDX file; ValueError names the file if it is damaged."""
    with open(path, "rb") as file:
        data = file.read()
    try:
        if data[:2] == GZIP_MAGIC:
            data = gzip.decompress(data)
    except (EOFError, OSError, zlib.error) as error:
        raise ValueError(f"{path}: {error}") from error
    return _parse(data, path)


def _parse(data, path):
    if len(data) < 4 or data[:3] != bytes([0, 0, UNSIGNED_BYTE]):
        raise ValueError(f"{path}: not an IDX file of unsigned bytes")
    header = 4 + 4 * data[3]
    if len(data) < header:
        raise ValueError(f"{path}: truncated header")
    shape = struct.unpack(f">{data[3]}I", data[4:header])
    expected = 1
    for extent in shape:
        expected *= extent
    if len(data) - header != expected:
        raise ValueError(f"{path}: {len(data) - header} bytes of data, {expected} announced")
    return np.frombuffer(data, np.uint8, offset=header).reshape(shape)


def write_idx(path, array):
    """Writes an array of uint8 as gzip; the same array always gives the same bytes."""
    if array.dtype != np.uint8:
        raise TypeError(f"{path}: IDX files here hold uint8, not {array.dtype}")
    header = bytes([0, 0, UNSIGNED_BYTE, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    # No file name and no time stamp in the gzip header: both would change the bytes.
    with open(path, "wb") as file:
        with gzip.GzipFile("", "wb", compresslevel=9, fileobj=file, mtime=0) as packed:
            packed.write(header + array.tobytes())


def read_images(path):
    """Returns the images [count, 28, 28] of an IDX file."""
    images = read_idx(path)
    if images.ndim != 3 or images.shape[1:] != (28, 28) or len(images) == 0:
        raise ValueError(f"{path}: shape {images.shape} is not count x 28 x 28")
    return images


def read_labelled(images_path, labels_path):
    """Returns (images [count, 28, 28], labels [count]), checked against each other."""
    images, labels = read_images(images_path), read_idx(labels_path)
    if labels.shape != images.shape[:1]:
        raise ValueError(f"{labels_path}: {labels.shape} labels for {len(images)} images")
    if labels.max() > 9:
        raise ValueError(f"{labels_path}: label {labels.max()} is not a digit")
    return images, labels
