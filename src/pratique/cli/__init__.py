"""The command line: one file a command, each a client of the public interfaces.

`main` is the menu, `output` how results are printed, `up` the composition root of the embedded whole.
Commands are imported when they are called, so that `pratique version` answers at once.
"""
