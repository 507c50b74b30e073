//! A block whose reading ends the process: its chain stops at the third start, and the other goes on.
