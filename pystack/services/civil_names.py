"""Days and months as RFC 867 and RFC 9110 call them."""

from typing import Final

DAYS: Final = "Sun Mon Tue Wed Thu Fri Sat".split()
MONTHS: Final = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
