"""The permission catalogue, read from the file that documents it."""
import csv
import pathlib


def names():
    with open(pathlib.Path(__file__).parent.parent / "permissions.csv", newline="") as f:
        return sorted({row["name"] for row in csv.DictReader(f) if "<" not in row["name"]})
