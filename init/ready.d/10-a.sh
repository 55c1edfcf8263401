#!/bin/sh
env | grep -i aws
echo hello; exit 3
