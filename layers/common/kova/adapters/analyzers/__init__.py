"""The analysers: each in a process of its own, behind one port."""
