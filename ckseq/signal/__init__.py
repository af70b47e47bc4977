"""From arrays to arrays, pure: crops, motion, reduction, fixed length, augmentation."""
