"""What lasts: frames read from disk, the HDF5 store, the run folder."""
