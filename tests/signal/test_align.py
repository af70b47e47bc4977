import cv2
import numpy as np

from ckseq.signal.align import SIDE_PX, gradients, register, shrink, undo_motion


def texture(side=240):
    noise = np.random.default_rng(0).integers(0, 256, (side, side), dtype=np.uint8)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), side / 40), None, 30, 220, cv2.NORM_MINMAX)


def test_shifts_of_whole_pixels_are_exact():
    image = texture()
    back = undo_motion(np.stack([image]), np.array([[4 / 240, -3 / 240, 0, 0]]))[0]
    np.testing.assert_array_equal(back[3:-3, :-4], np.roll(image, (3, -4), (0, 1))[3:-3, :-4])


def test_registration_of_a_known_shift_and_of_a_lost_face():
    (reference,) = shrink(texture()[np.newaxis])
    jacobian = gradients(reference, similarity=True)
    # one pixel of the small image is a share of 1/67
    shifted = np.roll(reference, (1, -2), (0, 1))
    found = register(reference, shifted, jacobian, np.zeros(4))
    np.testing.assert_allclose(found, [-2 / SIDE_PX, 1 / SIDE_PX, 0, 0], atol=1e-3)
    assert not register(reference, np.roll(reference, 33, axis=0), jacobian, np.array([0, 0.3, 0, 0])).any()
