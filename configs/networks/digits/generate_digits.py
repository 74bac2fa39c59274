#!/usr/bin/python3
"""Renders labelled images of the digits 0 to 9 from Debian's fonts, distorted and noisy.

The images have the format of MNIST: 28 x 28 bytes, white on black, the digit scaled into a box of
at most 20 x 20 pixels with its centre of mass at the centre of the image. Image i of a seed depends
on the seed, i and the fonts only, not on how many images are asked for.
"""

import argparse
import functools
import pathlib
import sys

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from idx_files import write_idx

IMAGE_SIZE = 28
BOX_SIZE = 20
CANVAS_SIZE = 160  # glyphs are distorted at high resolution and scaled down last
FONT_SIZE = 96

# Exactly the files of two packages, so that further installed fonts do not change the images.
FONT_FILES = (
    [f"dejavu/DejaVu{style}.ttf"
     for style in ("Sans", "Sans-Bold", "SansMono", "SansMono-Bold", "Serif", "Serif-Bold")]
    + [f"liberation/Liberation{family}-{style}.ttf"
       for family in ("Mono", "Sans", "SansNarrow", "Serif")
       for style in ("Regular", "Bold", "Italic", "BoldItalic")])

MAX_ROTATION_DEG = 15
MAX_SHEAR = 0.25
MAX_STRETCH = 0.15  # of each axis
MAX_SHIFT_PX = 1.5
MIN_FIT_PX = 16  # the box that a digit is scaled into has 16 to 20 pixels
STROKE_STEPS = (-1, 0, 1, 2, 3)  # pixels of the canvas that each edge moves outwards
MAX_BLUR_PX = 0.6
MIN_CONTRAST = 0.7
MAX_NOISE = 12  # standard deviation, of 255


def find_fonts(root):
    """Returns the paths of FONT_FILES below `root`; FileNotFoundError names a missing one."""
    paths = [root / name for name in FONT_FILES]
    for path in paths:
        if not path.is_file():
            raise FileNotFoundError(
                f"{path} is missing (Debian packages fonts-dejavu-core and fonts-liberation)")
    return paths


@functools.lru_cache(maxsize=None)
def draw_glyph(font_path, digit, stroke):
    """Returns a digit on a large canvas, its strokes thickened (stroke > 0) or thinned (< 0)."""
    canvas = Image.new("L", (CANVAS_SIZE, CANVAS_SIZE))
    font = ImageFont.truetype(str(font_path), FONT_SIZE, layout_engine=ImageFont.Layout.BASIC)
    centre = (CANVAS_SIZE // 2, CANVAS_SIZE // 2)
    ImageDraw.Draw(canvas).text(centre, str(digit), fill=255, font=font, anchor="mm")
    if stroke > 0:
        canvas = canvas.filter(ImageFilter.MaxFilter(2 * stroke + 1))
    elif stroke < 0:
        canvas = canvas.filter(ImageFilter.MinFilter(-2 * stroke + 1))
    return canvas


def distort(glyph, rng):
    """Returns the glyph rotated, sheared and stretched about the centre of its canvas."""
    angle = np.deg2rad(rng.uniform(-MAX_ROTATION_DEG, MAX_ROTATION_DEG))
    shear = rng.uniform(-MAX_SHEAR, MAX_SHEAR)
    stretch = rng.uniform(1 - MAX_STRETCH, 1 + MAX_STRETCH, 2)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    forward = rotation @ np.array([[1, shear], [0, 1]]) @ np.diag(stretch)
    inverse = np.linalg.inv(forward)  # PIL asks where each output pixel comes from
    centre = np.full(2, CANVAS_SIZE / 2)
    offset = centre - inverse @ centre
    coefficients = (*inverse[0], offset[0], *inverse[1], offset[1])
    return glyph.transform(glyph.size, Image.Transform.AFFINE, coefficients,
                           resample=Image.Resampling.BILINEAR)


def fit(glyph, box_px):
    """Returns the inked part of the canvas, scaled so that its longer side has `box_px` pixels."""
    ink = glyph.crop(glyph.getbbox())
    scale = box_px / max(ink.size)
    size = [max(1, round(side * scale)) for side in ink.size]
    return np.asarray(ink.resize(size, Image.Resampling.BOX), dtype=np.float64)


def place(ink, shift_yx):
    """Returns an image with the centre of mass of `ink` at the centre plus a shift, in pixels."""
    image = np.zeros((IMAGE_SIZE, IMAGE_SIZE))
    corner = []
    for axis in range(2):
        profile = ink.sum(axis=1 - axis)
        mass_centre = profile @ np.arange(len(profile)) / profile.sum()
        wanted = round((IMAGE_SIZE - 1) / 2 + shift_yx[axis] - mass_centre)
        corner.append(min(max(wanted, 0), IMAGE_SIZE - ink.shape[axis]))
    top, left = corner
    image[top:top + ink.shape[0], left:left + ink.shape[1]] = ink
    return image


def degrade(image, rng):
    """Returns the image as bytes, blurred, with less contrast and with Gaussian noise."""
    picture = Image.fromarray(image.round().astype(np.uint8))
    picture = picture.filter(ImageFilter.GaussianBlur(rng.uniform(0, MAX_BLUR_PX)))
    pixels = np.asarray(picture, dtype=np.float64) * rng.uniform(MIN_CONTRAST, 1)
    pixels += rng.normal(0, rng.uniform(0, MAX_NOISE), pixels.shape)
    return pixels.round().clip(0, 255).astype(np.uint8)


def label_of(seed, index):
    """Returns the digit of image `index`: every ten images hold each digit once."""
    order = np.random.default_rng([seed, 0, index // 10]).permutation(10)
    return int(order[index % 10])


def render(fonts, seed, index):
    """Returns image `index` (28 x 28 uint8) of the sequence of `seed`."""
    rng = np.random.default_rng([seed, 1, index])
    font = fonts[rng.integers(len(fonts))]
    stroke = int(rng.choice(STROKE_STEPS))
    glyph = distort(draw_glyph(font, label_of(seed, index), stroke), rng)
    ink = fit(glyph, rng.uniform(MIN_FIT_PX, BOX_SIZE))
    image = place(ink, rng.uniform(-MAX_SHIFT_PX, MAX_SHIFT_PX, 2))
    return degrade(image, rng)


def generate(fonts, seed, count):
    """Returns (images [count, 28, 28] uint8, labels [count] uint8)."""
    images = np.empty((count, IMAGE_SIZE, IMAGE_SIZE), np.uint8)
    for index in range(count):
        images[index] = render(fonts, seed, index)
    labels = np.array([label_of(seed, index) for index in range(count)], np.uint8)
    return images, labels


def bounded(low, high):
    """Returns an argparse type: an integer from `low` to `high`."""
    def integer(text):
        value = int(text)
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{value} is not in {low} .. {high}")
        return value
    return integer


def parse_arguments():
    """Returns the checked command line."""
    parser = argparse.ArgumentParser(
        description="Renders labelled digits as PREFIX-images-idx3-ubyte.gz and "
                    "PREFIX-labels-idx1-ubyte.gz.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--count", type=bounded(1, 1_000_000), default=500, help="images")
    parser.add_argument("--seed", type=bounded(0, 2**32 - 1), default=1,
                        help="random sequence; shipped: 1 test, 2 calibration; 3 is for training")
    parser.add_argument("--prefix", default="digits", help="first part of the file names")
    parser.add_argument("--output-dir", type=pathlib.Path,
                        default=pathlib.Path(__file__).resolve().parent, help="existing folder")
    parser.add_argument("--font-dir", type=pathlib.Path,
                        default=pathlib.Path("/usr/share/fonts/truetype"),
                        help="folder that holds dejavu/ and liberation/")
    arguments = parser.parse_args()
    if not arguments.output_dir.is_dir():
        parser.error(f"--output-dir: {arguments.output_dir} is not a folder")
    if not arguments.prefix or "/" in arguments.prefix:
        parser.error("--prefix: give a name without '/'")
    return arguments


def main():
    """Writes one split; returns the exit status."""
    arguments = parse_arguments()
    base = f"{arguments.output_dir}/{arguments.prefix}"
    try:
        fonts = find_fonts(arguments.font_dir)
        images, labels = generate(fonts, arguments.seed, arguments.count)
        write_idx(f"{base}-images-idx3-ubyte.gz", images)
        write_idx(f"{base}-labels-idx1-ubyte.gz", labels)
    except OSError as error:
        print(f"generate_digits.py: {error}", file=sys.stderr)
        return 2
    print(f"{base}-{{images-idx3,labels-idx1}}-ubyte.gz: {arguments.count} images")
    return 0


if __name__ == "__main__":
    sys.exit(main())
