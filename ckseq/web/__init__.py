"""The local page of ``ckseq live``: an ASGI app, the schema of its messages, and its files; it knows no model."""
