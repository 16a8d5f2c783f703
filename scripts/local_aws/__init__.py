"""AWS on this machine, for the demo and the end-to-end tests: the emulator, a
stand-in for Slack and for mailboxes, and the deployment of the real template.

Everything listens on loopback only, on ports that are free.
"""
