#!/usr/bin/env python3
"""Gets schemathesis, which holds an API to its document, into .tools/schemathesis."""

from environment import make

if __name__ == "__main__":
    make("schemathesis", "schemathesis.cli", "schemathesis")
