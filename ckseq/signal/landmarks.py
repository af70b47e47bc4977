"""Landmarks of a face: registered to a mean face in three dimensions, and what FACS coders measure of them.

Registration removes position, size and rotation of the head; what is left is the shape of the face and its expression.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from ckseq.signal.face_shape import FaceShape
from ckseq.signal.faces import Box, Detector, to_gray

N_POSE_COLUMNS = 3
"""Columns of `landmark_columns` that hold the pose of the head, after those of the points."""


# the box of a face in units of the mean face: its side, and how far its center is below the middle of the stable points
_BOX_SIDE, _BOX_BELOW = 1.8, 0.3


class FaceRegion(NamedTuple):
    """A square around a face: center (x, y) and side in pixels, rotation in radians, clockwise as seen."""

    x: float
    y: float
    side: float
    angle: float

    def matrix(self, side_px: int) -> NDArray[np.float64]:
        """Return the (2, 3) matrix from pixels of a crop of ``side_px`` to pixels of the image."""
        scale, middle = self.side / side_px, (side_px - 1) / 2
        cos, sin = np.cos(self.angle) * scale, np.sin(self.angle) * scale
        return np.array(
            [[cos, -sin, self.x - middle * (cos - sin)], [sin, cos, self.y - middle * (sin + cos)]], np.float64
        )


Landmarker = Callable[[NDArray[np.uint8], FaceRegion], tuple[NDArray[np.float32], float]]
"""From an image (h, w) or (h, w, 3) and a region of it to points (n, 3), pixels, and the probability of a face."""


def region_of_box(box: Box, *, margin: float) -> FaceRegion:
    """Return the region of a detected face, level with its eyes where the detector gives them.

    ``margin`` is the ratio of the region's side to the longer side of the box.

    >>> region_of_box(Box(10, 20, 30, 40, 1.0, ((12, 25), (22, 35))), margin=1.5)
    FaceRegion(x=20.0, y=30.0, side=30.0, angle=0.7853981633974483)
    """
    side = max(box.right - box.left, box.bottom - box.top) * margin
    angle = 0.0
    if len(box.points) >= 2:
        (x0, y0), (x1, y1) = box.points[:2]
        angle = float(np.arctan2(y1 - y0, x1 - x0))
    return FaceRegion((box.left + box.right) / 2, (box.top + box.bottom) / 2, float(side), angle)


def region_of_points(points: NDArray[np.float32], *, eyes: tuple[int, int], margin: float) -> FaceRegion:
    """Return the region around landmarks, level with the eyes.

    Parameters
    ----------
    points : (n, 3) float32
    eyes : tuple of int
        Places of the outer corners of the left and the right eye as seen.
    margin : float
        Ratio of the region's side to the longer side of the rectangle around the points.
    """
    across = points[eyes[1], :2] - points[eyes[0], :2]
    angle = float(np.arctan2(across[1], across[0]))
    cos, sin = np.cos(angle), np.sin(angle)
    level = np.array([[cos, sin], [-sin, cos]])
    turned = points[:, :2] @ level.T
    low, high = turned.min(axis=0), turned.max(axis=0)
    x, y = level.T @ ((low + high) / 2)
    return FaceRegion(float(x), float(y), float((high - low).max()) * margin, angle)


def box_of_points(points: NDArray[np.float32], shape: FaceShape) -> Box:
    """Return the square around a face that dlib's detector would give, from its stable landmarks.

    Expressions and a turned head hardly change it: its side is 1.8 units of the mean face, its center 0.3 units below
    the middle of the stable points. So are those of dlib in the mean of 150 sequences of people and drawn faces; they
    deviate by 9 % of the side, since they come in steps.

    Parameters
    ----------
    points : (n, 3) float32
        Pixels.
    shape : FaceShape
    """
    stable = points[shape.stable, : shape.n_dimensions].astype(np.float64)
    middle, wanted = stable.mean(axis=0), shape.mean[shape.stable, : shape.n_dimensions]
    unit = float(np.sqrt(((stable - middle) ** 2).sum() / ((wanted - wanted.mean(axis=0)) ** 2).sum()))
    left, right = points[shape.eyes[0], :2], points[shape.eyes[1], :2]
    across = (right - left) / max(float(np.linalg.norm(right - left)), 1e-6)
    x, y = middle[:2] + _BOX_BELOW * unit * np.array([-across[1], across[0]])
    half = _BOX_SIDE / 2 * unit
    left, top, right, bottom = np.round([x - half, y - half, x + half, y + half]).astype(int).tolist()
    return Box(left, top, right, bottom, 1.0)


def points_by(detector: Detector, *, side_px: int) -> Landmarker:
    """Return a landmarker of the points of the best box that a detector finds in a region.

    Parameters
    ----------
    detector : callable
        From a gray image to boxes with points.
    side_px : int
        Size at which the region is searched, pixels.
    """

    def find(image: NDArray[np.uint8], region: FaceRegion) -> tuple[NDArray[np.float32], float]:
        matrix = region.matrix(side_px)
        cut = cv2.warpAffine(image, matrix, (side_px, side_px), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
        boxes = detector(np.asarray(cut, np.uint8) if cut.ndim == 2 else to_gray(np.asarray(cut, np.uint8)))
        if not boxes:
            return np.empty((0, 3), np.float32), 0.0
        best = max(boxes, key=lambda box: box.score)
        in_image = np.array(best.points) @ matrix[:, :2].T + matrix[:, 2]
        return np.column_stack([in_image, np.zeros(len(in_image))]).astype(np.float32), best.score

    return find


def fill_gaps(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Fill frames without landmarks, NaN, by linear interpolation; at the ends the nearest are repeated.

    Parameters
    ----------
    points : (t, n, m) float32
        At least one frame is not NaN.

    Examples
    --------
    >>> path = np.array([np.nan, 1, np.nan, 3], np.float32).reshape(4, 1, 1)
    >>> fill_gaps(path).ravel().tolist()
    [1.0, 1.0, 2.0, 3.0]
    """
    known = np.flatnonzero(np.isfinite(points).all(axis=(1, 2)))
    if len(known) == len(points):
        return points
    flat = points.reshape(len(points), -1)
    frames = np.arange(len(points))
    columns = [np.interp(frames, known, flat[known, column]) for column in range(flat.shape[1])]
    return np.stack(columns, axis=1).reshape(points.shape).astype(np.float32)


def register(points: NDArray[np.float32], shape: FaceShape) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Register landmarks to the mean face by a similarity transform of the stable points, in three dimensions.

    Least squares in closed form (Umeyama 1991, IEEE TPAMI 13(4)); in the plane where the points have no depth.

    Parameters
    ----------
    points : (t, n, 3) float32
        Pixels.
    shape : FaceShape

    Returns
    -------
    registered : (t, n, 3) float64
        In the units of the mean face.
    rotations : (t, 3, 3) float64
        From the image to the mean face: ``registered = scale * rotation @ point + shift``.
    """
    d = shape.n_dimensions
    target = shape.mean[shape.stable, :d]
    middle = target.mean(axis=0)
    fixed = target - middle
    stable = points[:, shape.stable, :d].astype(np.float64)
    centers = stable.mean(axis=1, keepdims=True)
    moved = stable - centers
    u, s, vt = np.linalg.svd(np.einsum("mi,tmj->tij", fixed, moved))
    signs = np.ones_like(s)
    signs[:, -1] = np.sign(np.linalg.det(u @ vt))  # a rotation, not a reflection
    rotations = np.tile(np.eye(3), (len(points), 1, 1))
    rotations[:, :d, :d] = np.einsum("tij,tj,tjk->tik", u, signs, vt)
    scales = (s * signs).sum(axis=1) / (moved**2).sum(axis=(1, 2))
    aligned = np.zeros(points.shape, np.float64)
    turned = np.einsum("tij,tnj->tni", rotations[:, :d, :d], points[..., :d] - centers)
    aligned[..., :d] = turned * scales[:, np.newaxis, np.newaxis] + middle
    return aligned, rotations


def landmark_columns(points: NDArray[np.float32], shape: FaceShape) -> NDArray[np.float32]:
    """Return the landmarks of a sequence as rows and columns, like projections.

    Parameters
    ----------
    points : (t, n, 3) float32
        Pixels; NaN in frames without landmarks.
    shape : FaceShape

    Returns
    -------
    (t, 2, n + 3) float32
        Row 0 holds x, row 1 y of each registered point, less that of the mean face, in its unit. The last three columns
        are the pose of the head: in row 0 its rotation about x, y and z (sines; of points without depth about z alone),
        in row 1 its shift right and down and the logarithm of its size, against the median of the sequence. All zero
        where no frame has landmarks.
    """
    n = len(shape.points)
    result = np.zeros((len(points), 2, n + N_POSE_COLUMNS), np.float32)
    if not np.isfinite(points).any():
        return result
    points = fill_gaps(points)
    registered, rotations = register(points, shape)
    result[:, :, :n] = (registered - shape.mean)[:, :, :2].swapaxes(1, 2)
    left, right = (points[:, place, :2] for place in shape.eyes)
    eye_distance = np.maximum(np.linalg.norm(right - left, axis=1), 1e-6)
    place = points[:, shape.stable, :2].mean(axis=1)
    result[:, 0, n:] = (
        np.stack(
            [
                rotations[:, 2, 1] - rotations[:, 1, 2],
                rotations[:, 0, 2] - rotations[:, 2, 0],
                rotations[:, 1, 0] - rotations[:, 0, 1],
            ],
            axis=1,
        )
        / 2
    )
    result[:, 1, n : n + 2] = (place - np.median(place, axis=0)) / np.median(eye_distance)
    result[:, 1, n + 2] = np.log(eye_distance / np.median(eye_distance))
    return result


def mirror_landmarks(columns: NDArray[np.float32], shape: FaceShape) -> NDArray[np.float32]:
    """Flip landmarks horizontally, (..., 2, n + 3) as of `landmark_columns`; twice gives the same again."""
    n = len(shape.points)
    flipped = columns.copy()
    flipped[..., 0, :n] = -columns[..., 0, shape.mirror]
    flipped[..., 1, :n] = columns[..., 1, shape.mirror]
    flipped[..., 0, n + 1 : n + 3] *= -1  # turned to the other side, tilted to the other side
    flipped[..., 1, n] *= -1  # shifted to the other side
    return flipped


def facs_distances(columns: NDArray[np.float32], shape: FaceShape) -> NDArray[np.float32]:
    """Return distances and heights that FACS coders look at, and the pose of the head.

    Of each side: heights of the inner, middle and outer brow above the eye (action units 1, 2, 4), opening of the lids
    and heights of both (5, 6, 7, 43), corner of the mouth across and down (12, 14, 15, 20), cheek (6), fold beside and
    wing of the nose (9, 10); of the middle: distance of the brows (4), width and opening of the mouth (25, 26, 27),
    heights of both lips (23, 24), their edges (10, 16), chin (17, 26), tip of the nose, and how far the corners of the
    mouth are below its middle (12, 15). Those of points that a kind of landmarks does not have are left out.

    Parameters
    ----------
    columns : (..., 2, n + 3) float32
        As of `landmark_columns`.
    shape : FaceShape

    Returns
    -------
    (..., m) float32
        In the unit of the mean face; the last six are the pose. m is 39 for ``face_mesh``, 35 for ``ckplus``, and 11
        for ``mtcnn``.

    Notes
    -----
    Source: Ekman, Friesen and Hager, Facial Action Coding System, 2002.
    """
    n = len(shape.points)
    points = columns[..., :n] + shape.mean[:, :2].T.astype(np.float32)

    def x(name: str) -> NDArray[Any]:
        return np.asarray(points[..., 0, shape.named[name]])

    def y(name: str) -> NDArray[Any]:
        return np.asarray(points[..., 1, shape.named[name]])

    found: list[NDArray[Any]] = []
    for measure, *names in _DISTANCES:
        if all(name in shape.named for name in names):
            found.append(_MEASURES[measure](x, y, *names))
    pose = columns[..., n:].reshape(*columns.shape[:-2], 2 * N_POSE_COLUMNS)
    return np.concatenate([np.stack(found, axis=-1), pose], axis=-1)


_Axis = Callable[[str], NDArray[Any]]


def _apart(x: _Axis, y: _Axis, one: str, other: str) -> NDArray[Any]:
    return np.asarray(np.hypot(x(one) - x(other), y(one) - y(other)))


def _below(x: _Axis, y: _Axis, one: str, other: str) -> NDArray[Any]:  # noqa: ARG001 (one form for all)
    return np.asarray(y(one) - y(other))


def _corners_below(x: _Axis, y: _Axis, left: str, right: str, middle: str) -> NDArray[Any]:  # noqa: ARG001
    return np.asarray((y(left) + y(right)) / 2 - y(middle))


_MEASURES: dict[str, Callable[..., NDArray[Any]]] = {
    "x": lambda x, _, name: x(name),
    "y": lambda _, y, name: y(name),
    "below": _below,
    "apart": _apart,
    "corners below": _corners_below,
}


def _of_side(side: str) -> list[tuple[str, ...]]:
    return [
        ("below", f"{side}_inner_eye", f"{side}_inner_brow"),
        ("below", f"{side}_inner_eye", f"{side}_middle_brow"),
        ("below", f"{side}_outer_eye", f"{side}_outer_brow"),
        ("apart", f"{side}_upper_lid", f"{side}_lower_lid"),
        ("below", f"{side}_inner_eye", f"{side}_upper_lid"),
        ("below", f"{side}_inner_eye", f"{side}_lower_lid"),
        ("x", f"{side}_lip_corner"),
        ("y", f"{side}_lip_corner"),
        ("y", f"{side}_cheek"),
        ("y", f"{side}_nose_fold"),
        ("y", f"{side}_nose_wing"),
    ]


_DISTANCES: tuple[tuple[str, ...], ...] = (
    *_of_side("left"),
    *_of_side("right"),
    ("apart", "left_inner_brow", "right_inner_brow"),
    ("apart", "left_lip_corner", "right_lip_corner"),
    ("apart", "inner_upper_lip", "inner_lower_lip"),
    ("apart", "upper_lip", "inner_upper_lip"),
    ("apart", "inner_lower_lip", "lower_lip"),
    ("y", "upper_lip"),
    ("y", "lower_lip"),
    ("y", "chin"),
    ("below", "nose_tip", "upper_lip"),
    ("corners below", "left_lip_corner", "right_lip_corner", "inner_upper_lip"),
    ("y", "nose_base"),
)
