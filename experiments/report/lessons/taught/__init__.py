"""The lessons, one small file each: a market, a question to guess at, settings to move, the truth, and a teacher's sheet."""
