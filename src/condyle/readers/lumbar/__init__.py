"""The lumbar reader family: finds vertebrae, discs and canal, names the levels, grades and measures each."""
