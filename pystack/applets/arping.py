"""`arping`: who has this IPv4 address on this link, with the words of iputils 20221126."""
