"""From arrays to arrays, pure and without state: crops, registration, motion, reduction, length, augmentation."""
