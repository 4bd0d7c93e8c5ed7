"""`ping`: echo requests to one IPv4 address, with the words of iputils 20221126."""
