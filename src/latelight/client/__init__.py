"""A library behind a server, with the objects and methods of one on this machine.

`latelight.open("http://host:8080")` gives a `Client`, `latelight.AsyncClient` its asynchronous
twin. What is asked is built in one place for both: `calls.py` makes single requests, `talks.py`
and its neighbours what takes several; `carriers.py` carries them out, with or without `await`.
"""
