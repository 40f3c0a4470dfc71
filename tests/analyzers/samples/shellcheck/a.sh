#!/bin/sh
rm -rf "$FOO/"*
[ "$x" = "é" ] && x = 1
