"""What every model, detector and source must do, also those of others; run by the tests and `ckseq check-plugin`."""
