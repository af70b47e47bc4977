"""A small data set of sequences that a ridge regression can tell apart."""

import cv2
import numpy as np


def moving_squares(folder):
    """Draw nine people who move on the left (anger) or on the right (fear); return the manifest."""
    rng = np.random.default_rng(4)
    lines = ["path,subject,session,label"]
    for person in range(9):
        ground = cv2.GaussianBlur(rng.integers(0, 256, (32, 32), dtype=np.uint8), (0, 0), 3)
        for label, left in (("anger", 3), ("fear", 19)):
            frames = folder / "frames" / f"p{person}_{label}"
            frames.mkdir(parents=True)
            for step in range(6):
                frame = ground.copy()
                frame[8 + 2 * step : 16 + 2 * step, left : left + 9] = 20 * person
                cv2.imwrite(str(frames / f"{step}.png"), frame)
            lines.append(f"frames/{frames.name},P{person},{label},{label}")
    manifest = folder / "all.csv"
    manifest.write_text("\n".join(lines) + "\n")
    return manifest
