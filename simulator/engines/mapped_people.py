"""People in files: the mapped state of a population, of which only the block at work is in memory (bytes)."""

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from simulator.engines.cohort import BLOCK_USERS, state_arrays
from simulator.law.parameters import Law, caps_of
from simulator.law.state import ITINERARY, LIFE, PERSON, WORN, Population, Shown, people_of
from simulator.population import build_population, everyone
from simulator.scenario.build_law import Names
from simulator.scenario.schema import Scenario

FILE = "people.bin"


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
        for file, width in self.maps:
            page = mmap.PAGESIZE
            begin = -(-first * width // page) * page
            end = min(last * width, len(file)) // page * page
            if end > begin and hasattr(file, "madvise"):
                file.madvise(mmap.MADV_DONTNEED, begin, end - begin)


def bytes_per_person(law: Law, names: Names) -> int:
    """What one person's state takes."""
    return sum(kind.itemsize * width for kind, width in _kinds(law, names))


def population_by_block(scenario: Scenario, law: Law, names: Names) -> Iterator[Population]:
    """Everyone before the first session, block by block."""
    users = everyone(scenario)
    for first in range(0, users, BLOCK_USERS):
        yield build_population(scenario, law, names, first, min(first + BLOCK_USERS, users))


def map_people(scenario: Scenario, law: Law, names: Names, folder: Path) -> MappedPeople:
    """Everyone before the first session, in a file in this folder that vanishes with the process."""
    users = everyone(scenario)
    arrays, maps = [], []
    for number, (kind, width) in enumerate(_kinds(law, names)):
        path = folder / f"{number}-{FILE}"
        with path.open("w+b") as file:
            file.truncate(max(1, users * width * kind.itemsize))
            mapped = mmap.mmap(file.fileno(), 0)
        path.unlink()
        maps.append((mapped, width * kind.itemsize))
        array = np.frombuffer(mapped, kind, users * width)
        shaped = array if kind in (PERSON, ITINERARY, LIFE) else array.reshape(users, width)
        arrays.append(shaped.view(np.recarray) if kind.names else shaped)
    people, itineraries, lives, goodwill, *shown = arrays
    found = MappedPeople(Population(people, itineraries, lives, goodwill, Shown(*shown)), tuple(maps))
    for block in population_by_block(scenario, law, names):
        last = block.first + len(block.people)
        here = people_of(found.population, block.first, last)
        here.people[:] = block.people
        for there, own in zip(state_arrays(here), state_arrays(block), strict=True):
            there[:] = own
        found.forget(block.first, last)
    return found


def _kinds(law: Law, names: Names) -> list[tuple[np.dtype[Any], int]]:
    """The kind of each of a population's arrays, and how many of it one person has."""
    return [
        (PERSON, 1),
        (ITINERARY, 1),
        (LIFE, 1),
        (np.dtype(np.float64), len(names.channels)),
        (np.dtype(np.uint32), len(names.campaigns)),
        (np.dtype(np.float64), caps_of(law)),
        (WORN, len(names.creatives)),
    ]
