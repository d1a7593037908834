"""Why a network cannot be built, and one to three changes that mend it, each of them tried.

`diagnose` takes a notation, a list of rows or any module.
"""

from striate.repair.diagnosis import Diagnosis, Fix, diagnose

__all__ = ["Diagnosis", "Fix", "diagnose"]
