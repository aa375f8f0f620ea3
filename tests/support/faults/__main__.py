"""Write the table into the page."""

from tests.support.faults import GROUPS
from tests.support.faults.table import PAGE, as_markdown, put_on

if __name__ == "__main__":
    PAGE.write_text(put_on(PAGE.read_text("utf-8"), as_markdown(GROUPS)), "utf-8")
