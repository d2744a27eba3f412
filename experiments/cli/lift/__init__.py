"""The commands about lift tests: read one, plan one, put designs side by side."""
