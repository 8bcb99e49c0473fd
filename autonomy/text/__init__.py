"""Plain functions over prose: no state, no I/O, usable from every layer."""
