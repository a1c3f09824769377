"""Every message and every button, generated, sent over HTTP, judged, and drawn: `python -m tests.gallery`."""
