"""Documents drawn: a pure `Document` in, the bytes of a PDF out.

`renderer.py` is the whole interface; the drawing library behind it can be changed without touching a caller.
Promises the same bytes for the same document, and that nothing is fetched from anywhere while drawing.
"""
