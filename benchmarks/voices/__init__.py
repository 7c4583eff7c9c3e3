"""How well the served voices speak: words understood by a listener that is a machine, and speed."""
