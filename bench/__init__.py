"""One script a question; each prints one JSON object as its last line. `server.py` is none: a real server and a browser
for those, and for the tests, that need them."""
