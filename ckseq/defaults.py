"""Defaults that several commands share: each stands here once, and here alone."""

from __future__ import annotations

CONFIDENCE = 0.95
"""Of every interval, two-sided; a difference is significant where its p-value is below the rest to 1."""
PERMUTATIONS = 10_000
"""Drawn by every paired test for which there are too many permutations to enumerate."""
ERROR_RATE = 0.1
"""An early answer counts as sure once no more than this share of such answers was wrong on the test part."""
FRAMES_PER_SECOND = 25.0
"""Of folders of frames, cameras and videos that do not say it themselves."""
SHARED_CACHE_GB = 5.0
"""The cache that commands share for face crops stays below this, unless 'ckseq cache limit' sets another limit."""
CACHE_GB = 20.0
"""A search keeps its cache of face crops below this many gigabytes (10**9 bytes)."""
HEARTBEAT_S = 30.0
"""A running trial of a search reports that it is alive every so many seconds."""
RECORDINGS_PER_FILE = 5000
"""The most recordings in one file of a store; more are several files behind an index."""
