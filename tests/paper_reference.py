"""The paper's steps as its script takes them, written apart from ckseq: the reference that ckseq must equal to the bit.

One frame at a time, lists, OpenCV calls with 0/255 images and division by 255, as described in the paper.
"""

import itertools

import cv2
import dlib
import numpy as np


def paper_crops(images):
    detector = dlib.get_frontal_face_detector()
    crops = []
    for image in images:
        face = None
        for rectangle in detector(image, 1):  # the last of several stays
            x, y = max(rectangle.left(), 0), max(rectangle.top(), 0)
            face = cv2.resize(image[y : rectangle.bottom(), x : rectangle.right()], (267, 267))
        if face is not None:
            crops.append(face)
        elif crops:
            crops.append(crops[-1])
    return crops


def paper_binaries(crops):
    binaries = []
    for previous, current in itertools.pairwise(crops):
        difference = previous - current
        _, thresholded = cv2.threshold(difference, 127, 255, cv2.THRESH_BINARY)
        eroded = cv2.erode(thresholded, np.ones((5, 5), np.uint8), iterations=1)
        binaries.append((eroded / 255 >= 0.2).astype(int))
    return binaries


def paper_projections(binaries):
    rows = []
    for binary in binaries:
        columns_mean = [np.mean(binary[:, column]) for column in range(binary.shape[1])]
        rows_mean = [np.mean(binary[row, :]) for row in range(binary.shape[0])]
        rows.append([columns_mean, rows_mean])
    return np.array(rows, dtype=np.float32)
