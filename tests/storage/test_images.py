import cv2
import numpy as np
import pytest

from ckseq.storage.images import Header, flaw, header


def encoded(suffix, image):
    return cv2.imencode(suffix, image)[1].tobytes()


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
@pytest.mark.parametrize("shape", [(9, 13), (9, 13, 3)])
def test_header_tells_size_and_colors(suffix, shape):
    data = encoded(suffix, np.full(shape, 77, np.uint8))
    assert header(data) == Header(13, 9, len(shape) == 3)
    assert flaw(data) is None


def test_header_of_a_png_with_alpha_or_16_bits():
    assert header(encoded(".png", np.zeros((2, 3, 4), np.uint8))) == Header(3, 2, True)
    assert header(encoded(".png", np.zeros((2, 3), np.uint16))) == Header(3, 2, False)


def test_header_behind_a_thumbnail():
    picture, thumbnail = encoded(".jpg", np.zeros((40, 30), np.uint8)), encoded(".jpg", np.zeros((5, 6), np.uint8))
    segment = b"\xff\xe1" + (2 + len(thumbnail)).to_bytes(2, "big") + thumbnail
    with_thumbnail = picture[:2] + segment + picture[2:]
    assert header(with_thumbnail) == Header(30, 40, False)
    assert flaw(with_thumbnail) is None
    assert flaw(with_thumbnail[:-2]) is not None


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"GIF89a", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"\xff\xd8\xff\xe0\0\0"]
)
def test_what_has_no_header(data):
    assert header(data) is None


def test_what_stands_behind_the_end_does_no_harm():
    for suffix in (".png", ".jpg"):
        assert flaw(encoded(suffix, np.zeros((4, 4), np.uint8)) + b"\0\0padding") is None


def test_a_flipped_bit_in_a_png_is_seen():
    data = bytearray(encoded(".png", np.arange(64, dtype=np.uint8).reshape(8, 8)))
    data[-20] ^= 1
    assert flaw(bytes(data)) == "is damaged: a checksum does not fit"
