"""``python -m ckseq`` is the command line."""

from ckseq.cli.main import main

if __name__ == "__main__":
    main()
