"""The notation of the lectures: `[(conv-relu)*2-pool]*3-(fc-relu)*1-fc` to a network and back.

`build` gives the network of a text, `write` the text of a network, `point` the text with a caret under a mistake;
`looks_like` tells a notation from a name, `read` gives the rows without building them.
"""

from striate.notation.reading import Reading, build, looks_like, point, read
from striate.notation.writing import write

__all__ = ["Reading", "build", "looks_like", "point", "read", "write"]
