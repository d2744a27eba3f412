"""People in files: the mapped state of a population, of which only the block at work is in memory (bytes)."""

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import numpy as np

from simulator.engines.cohort import BLOCK_USERS, state_arrays
from simulator.law.parameters import Law, caps_of
from simulator.law.state import ITINERARY, LIFE, PERSON, Population, Shown, nothing_shown, people_of, record_array
from simulator.population import build_population, everyone
from simulator.scenario.build_law import Names
from simulator.scenario.schema import Scenario


@dataclass(frozen=True)
class MappedPeople:
    """Everyone, in a file.

    Attributes:
        population: as arrays, whose memory is the file's.
        maps: the mapped file of each array, and the bytes that one person takes in it.
    """

    population: Population
    maps: tuple[tuple[mmap.mmap, int], ...]

    def forget(self, first: int, last: int) -> None:
        """Give the memory of people first..last-1 back; what they are stays in the file."""
        first, last = first - self.population.first, last - self.population.first
        for file, width in self.maps:
            page = mmap.PAGESIZE
            begin = -(-first * width // page) * page
            end = min(last * width, len(file)) // page * page
            if end > begin and hasattr(file, "madvise"):
                file.madvise(mmap.MADV_DONTNEED, begin, end - begin)


def bytes_per_person(law: Law, names: Names) -> int:
    """What one person's state takes."""
    return sum(kind.itemsize * width for kind, width in _kinds(law, names))


def population_by_block(
    scenario: Scenario, law: Law, names: Names, first: int = 0, last: int | None = None
) -> Iterator[Population]:
    """The people first..last-1 (everyone) before the first session, block by block."""
    last = everyone(scenario) if last is None else last
    for start in range(first, last, BLOCK_USERS):
        yield build_population(scenario, law, names, start, min(start + BLOCK_USERS, last))


def map_people(
    scenario: Scenario, law: Law, names: Names, folder: Path, first: int = 0, last: int | None = None
) -> MappedPeople:
    """The people first..last-1 (everyone) before the first session, in files in this folder that vanish with the process."""
    last = everyone(scenario) if last is None else last
    users = last - first
    arrays, maps = [], []
    for kind, width in _kinds(law, names):
        with TemporaryFile(dir=folder) as file:
            file.truncate(max(1, users * width * kind.itemsize))
            mapped = mmap.mmap(file.fileno(), 0)
        maps.append((mapped, width * kind.itemsize))
        array = np.frombuffer(mapped, kind, users * width)
        shaped = array if kind in (PERSON, ITINERARY, LIFE) else array.reshape(users, width)
        arrays.append(shaped.view(np.recarray) if kind.names else shaped)
    people, itineraries, lives, goodwill, *shown = arrays
    found = MappedPeople(Population(people, itineraries, lives, goodwill, Shown(*shown), first), tuple(maps))
    for block in population_by_block(scenario, law, names, first, last):
        end = block.first + len(block.people)
        here = people_of(found.population, block.first, end)
        here.people[:] = block.people
        for there, own in zip(state_arrays(here), state_arrays(block), strict=True):
            there[:] = own
        found.forget(block.first, end)
    return found


def _kinds(law: Law, names: Names) -> list[tuple[np.dtype[Any], int]]:
    """The kind of each of a population's arrays, and how many of it one person has."""
    shown = nothing_shown(1, len(names.campaigns), caps_of(law), len(names.creatives))
    one = (
        record_array(1, PERSON),
        record_array(1, ITINERARY),
        record_array(1, LIFE),
        np.zeros((1, len(names.channels))),
    )
    return [(array.dtype, array[0].size) for array in (*one, *shown)]
