"""Still images made for the tests: noise with a light whose place tells the class, as FER2013's CSV and as folders."""

import cv2
import numpy as np

LABELS = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
USAGES = ("Training", "PublicTest", "PrivateTest")


def made_image(code, seed, side=48):
    """Gray, with a light on a circle."""
    image = np.random.default_rng([seed, code]).integers(0, 120, (side, side), dtype=np.uint8)
    angle = 2 * np.pi * code / len(LABELS)
    center = (side / 2 + 0.3 * side * np.array([np.cos(angle), np.sin(angle)])).astype(int)
    cv2.circle(image, tuple(map(int, center)), side // 8, 255, -1)
    return image


def row(code, image, usage):
    return f"{code},{' '.join(map(str, image.ravel()))},{usage}"


def write_fer2013(path, per_class=6, codes=range(7), header="emotion,pixels,Usage", extra=()):
    """Of each class ``per_class`` rows, two thirds of them for training; ``extra`` rows stand at the end as given."""
    lines = [header]
    for number in range(per_class):
        usage = USAGES[(number % 6) // 4 + (number % 6 == 5)]
        lines += [row(code, made_image(code, number), usage) for code in codes]
    path.write_text("\n".join([*lines, *extra]) + "\n")
    return path


def write_folders(root, per_class=4, codes=(0, 3), side=80):
    """RGB images, each class with a color of its own."""
    for code in codes:
        folder = root / LABELS[code]
        folder.mkdir(parents=True)
        for number in range(per_class):
            image = np.zeros((side, side, 3), np.uint8)
            image[..., code % 3] = made_image(code, number, side)
            cv2.imwrite(str(folder / f"{number}.png"), image[..., ::-1])
    return root
