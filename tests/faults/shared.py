"""``python -m tests.faults.shared`` names the tests of other files that belong to the table of faults."""

from tests.faults.conftest import SHARED

if __name__ == "__main__":
    print(" ".join(f"tests/{name}" for name in SHARED))
