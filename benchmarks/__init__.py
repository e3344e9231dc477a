"""What is claimed, each a command that prints its figure and a ratio beside a peer in one run."""
