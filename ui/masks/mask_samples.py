"""The Masks page's menu of samples: views worth a look, as their links say them."""

SAMPLES = {
    "A sentence and its tags": {"example": "3"},
    "The same, any words allowed": {"words": "general", "example": "3"},
    "An advert read into fields": {"task": "cars", "words": "general"},
    "A nested order, written by a model": {"kind": "preset", "way": "generate"},
    "A date, driven by you": {"kind": "preset", "preset": "date", "way": "drive"},
    "A recursive schema": {"kind": "preset", "preset": "tree"},
    "A text that leaves its schema": {"kind": "preset", "preset": "date", "text": "1969-13-20"},
    "Engines side by side": {"kind": "preset", "preset": "event", "view": "engines"},
    "A whole corpus": {"view": "corpus"},
}
