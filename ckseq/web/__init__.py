"""The local web page: an ASGI app around what watches faces, and its files; nothing comes from another server."""
