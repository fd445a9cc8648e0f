"""Tables to learn from, and California Housing in the form of its official archive."""

import io
import tarfile

import numpy

CALIFORNIA_COLUMNS = [
    "MedInc", "HouseAge", "AveRooms", "AveBedrms", "Population", "AveOccup", "Latitude", "Longitude",
]


def train(shell, trainer, file, target, *words):
    """A training on one thread that has to end well."""
    trained = shell.run(
        "train", trainer, "--data-path", file, "--target", target, "--threads", 1, *words
    )
    assert trained.code == 0, trained.said
    assert trained.run.info.status == "FINISHED"
    return trained


def california_rows(count=20_640):
    """Made-up districts in the columns of the census file: longitude, latitude, housingMedianAge,
    totalRooms, totalBedrooms, population, households, medianIncome, medianHouseValue. Values depend
    on income, on the distance to the bay and on chance, so there is something to learn."""
    chance = numpy.random.default_rng(7)
    longitude = chance.uniform(-124.3, -114.3, count).round(2)
    latitude = chance.uniform(32.5, 41.9, count).round(2)
    age = chance.integers(1, 53, count)
    households = chance.integers(50, 1500, count)
    rooms = (households * chance.uniform(3, 8, count)).round()
    bedrooms = (households * chance.uniform(0.9, 1.3, count)).round()
    population = (households * chance.uniform(1.5, 5, count)).round()
    income = chance.gamma(4, 1, count).round(4)
    distance = numpy.hypot(latitude - 37.77, longitude + 122.42)
    value = 60_000 * income - 20_000 * distance + 150_000 + chance.normal(0, 30_000, count)
    value = value.clip(14_999, 500_001).round()
    return numpy.column_stack(
        [longitude, latitude, age, rooms, bedrooms, population, households, income, value]
    )


def write_archive(file, rows, name="CaliforniaHousing/cal_housing.data"):
    """As cal_housing.tgz is made: a tar with the data and a description."""
    text = io.StringIO()
    numpy.savetxt(text, rows, delimiter=",", fmt="%.6f")
    with tarfile.open(file, "w:gz") as archive:
        for path, content in ((name, text.getvalue()), ("CaliforniaHousing/cal_housing.domain", "x: continuous.\n")):
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content.encode()))
