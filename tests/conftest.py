"""For all tests: examples may take as long as a busy machine needs; how long is what benchmarks measure."""

from hypothesis import settings

settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")
