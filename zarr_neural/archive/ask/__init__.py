"""What is asked of an image, and what that means for it: options and request in, a promise for every channel out.

options (how), request (the promise, in the user's words), labels (names instead of light), decide and targets (what is
measured for a promise), overviews (what it means for them). May import: tiff, codecs and chunk. Tests:
tests/archive/ask.
"""
