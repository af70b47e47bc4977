"""How the ConvLSTM layer works through a batch; also what its memory follows from, without importing TensorFlow."""

# Positions (rows x columns x sequences) of a block: 64 filters make 8 MB of gates, which a level-3 cache holds.
BLOCK_POSITIONS = 8480
# Arrays stored of a time step for the backward pass: h and c before it, and its gates i, f, g, o.
ARRAYS_PER_STEP = 6
