"""The HTTP service over the library: `create_app` in `app.py`, the contract in docs/http.md.

Nothing outside imports this at its top: a search on the command line must not wait for it.
"""
