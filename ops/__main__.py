"""`python -m ops` is `tritone`."""

from ops.cli import main

main()
