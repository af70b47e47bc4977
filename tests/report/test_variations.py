import cv2
import numpy as np

from ckseq.report.variations import Varied, draw_variations


def test_every_image_stands_in_its_place():
    """Plain tiles: their levels are found again, row by row."""

    def row(name, level):
        return Varied(name, np.full((8, 8), level, np.uint8), np.full((3, 8, 8), level // 2, np.uint8))

    picture = draw_variations([row("anger", 200), row("fear", 100)])
    sheet = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_GRAYSCALE)
    counts = {level: int((sheet == level).sum()) for level in (200, 100, 50)}
    # one tile of 200; three of 100 in the first row and one in the second; three of 50
    assert counts[100] / counts[200] == np.clip(counts[100] / counts[200], 3.9, 4.1)
    assert counts[50] / counts[200] == np.clip(counts[50] / counts[200], 2.9, 3.1)
