"""The version of the program, readable without importing anything heavy."""

VERSION = "0.1.0"
