"""Several digits in one picture: found, put in reading order, each made a 28x28 picture."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import ndimage

from lrcore.frame import frame
from lrcore.picture import RIM, find_ink, open_to_scale, with_mnist_pen


class Found(NamedTuple):
    """A digit found: its box (left, top, right, bottom) in the picture's own pixels, its 28x28
    uint8 image, and the number of the line it stands in, counted from 0."""

    box: tuple[int, int, int, int]
    image: np.ndarray
    line: int


def find_digits(source) -> list[Found]:
    """All digits of a picture in reading order.

    `source` is anything that `open_picture` takes.  Raises UserError where it cannot be read or
    nothing is written on it.
    """
    grey, (width, height) = open_to_scale(source)
    ink = find_ink(grey)
    blobs, _ = ndimage.label(ink.written, np.ones((3, 3)))
    places = ndimage.find_objects(blobs)
    boxes = np.array([(c.start, r.start, c.stop, r.stop) for r, c in places])
    tall = boxes[:, 3] - boxes[:, 1]
    weight = tall * (boxes[:, 2] - boxes[:, 0])
    order = np.argsort(tall)
    typical = tall[order][np.searchsorted(weight[order].cumsum(), weight.sum() / 2)]
    groups = _grouped(boxes, typical)
    groups = [g for g in groups if _box(boxes[g])[3] - _box(boxes[g])[1] > 0.35 * typical]
    lines = _lines([_box(boxes[g]) for g in groups])
    scale = width / grey.shape[1], height / grey.shape[0]
    found = []
    for number, line in enumerate(lines):
        for k in line:
            left, top, right, bottom = _box(boxes[groups[k]])
            around = slice(max(0, top - RIM), bottom + RIM), slice(max(0, left - RIM), right + RIM)
            members = np.isin(blobs[around], np.array(groups[k]) + 1)
            near = ndimage.binary_dilation(members, iterations=RIM)
            digit = np.where(near, ink.level[around], 0)
            box = (
                int(left * scale[0]),
                int(top * scale[1]),
                int(np.ceil(right * scale[0])),
                int(np.ceil(bottom * scale[1])),
            )
            found.append(Found(box, frame(with_mnist_pen(digit)), number))
    return found


def _box(boxes: np.ndarray) -> np.ndarray:
    return np.concatenate([boxes[:, :2].min(0), boxes[:, 2:].max(0)])


def _grouped(boxes: np.ndarray, typical: float) -> list[list[int]]:
    """Blobs that are parts of one digit: one above the other, and close."""
    groups = [[k] for k in range(len(boxes))]
    merged = True
    while merged:
        merged = False
        for a in range(len(groups)):
            for b in range(len(groups) - 1, a, -1):
                one, two = _box(boxes[groups[a]]), _box(boxes[groups[b]])
                shared = min(one[2], two[2]) - max(one[0], two[0])
                gap = max(one[1], two[1]) - min(one[3], two[3])
                narrow = min(one[2] - one[0], two[2] - two[0])
                tall = max(one[3], two[3]) - min(one[1], two[1])
                if shared > 0.5 * narrow and gap < 0.25 * typical and tall < 1.4 * typical:
                    groups[a] += groups.pop(b)
                    merged = True
    return groups


def _lines(boxes: list[np.ndarray]) -> list[list[int]]:
    """The lines of a page, top to bottom, each a list of boxes from left to right."""
    lines: list[list[int]] = []
    for k in sorted(range(len(boxes)), key=lambda k: boxes[k][0]):
        for line in lines:
            last = boxes[line[-1]]
            shared = min(last[3], boxes[k][3]) - max(last[1], boxes[k][1])
            if shared > 0.4 * min(last[3] - last[1], boxes[k][3] - boxes[k][1]):
                line.append(k)
                break
        else:
            lines.append([k])
    return sorted(lines, key=lambda line: np.mean([boxes[k][1] + boxes[k][3] for k in line]))
