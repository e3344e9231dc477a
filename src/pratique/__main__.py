"""`python -m pratique` is the `pratique` command."""

from pratique.cli.main import main

if __name__ == "__main__":
    main()
