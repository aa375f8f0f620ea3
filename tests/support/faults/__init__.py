"""The table of faults."""

from tests.support.faults.before_an_answer import BEFORE_AN_ANSWER
from tests.support.faults.refusals import REFUSALS, SERVER_ERRORS
from tests.support.faults.within_an_answer import WITHIN_AN_ANSWER

__all__ = ["BEFORE_AN_ANSWER", "FAULTS", "GROUPS", "REFUSALS", "SERVER_ERRORS", "WITHIN_AN_ANSWER"]

GROUPS = {
    "Before an answer": BEFORE_AN_ANSWER,
    "Within an answer": WITHIN_AN_ANSWER,
    "Requests that are refused": REFUSALS,
    "Failures of the service": SERVER_ERRORS,
}
"""All rows, in the order of the page."""

FAULTS = [row for rows in GROUPS.values() for row in rows]
