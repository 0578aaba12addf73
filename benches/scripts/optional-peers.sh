#!/usr/bin/env bash
# Rivals of other languages, one sender and one receiver, between two processes on two cores: million messages a second.
#
#     benches/scripts/optional-peers.sh
#
# What is not installed is said to be so, and is no failure. BENCH_CPUS=2,3 chooses the two cores, as for the other benches;
# CXX and PYTHON choose the compiler and the interpreter.
set -euo pipefail
cd "$(dirname "$0")"

# 0-3,8 is 0,1,2,3,8,
allowed() {
    awk '/^Cpus_allowed_list/ {
        parts = split($2, part, ",")
        for (i = 1; i <= parts; i++) { ends = split(part[i], end, "-"); for (cpu = end[1]; cpu <= end[ends]; cpu++) printf "%s,", cpu }
    }' /proc/self/status
}
IFS=, read -r here there _ <<<"${BENCH_CPUS:-$(allowed)},"
[ -n "$there" ] || { echo "these benchmarks need two cores"; exit 1; }
cxx=${CXX:-c++} python=${PYTHON:-python3}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# name, a count of messages a turn, and the command that takes: cores, size, count
rates() {
    local name=$1 count=$2 size rate
    shift 2
    for size in 8 64 1024; do
        rate=$("$@" "$here" "$there" "$size" "$count")
        printf '%-40s %5s B %10s\n' "$name" "$size" "$rate"
    done
}

boost() {
    command -v "$cxx" >/dev/null || { echo "not installed: a C++ compiler ($cxx), for Boost.Interprocess"; return; }
    echo '#include <boost/interprocess/ipc/message_queue.hpp>' >"$scratch/header.cpp"
    "$cxx" -std=c++17 -fsyntax-only "$scratch/header.cpp" 2>/dev/null ||
        { echo "not installed: the headers of Boost.Interprocess"; return; }
    "$cxx" -std=c++17 -O2 -DNDEBUG -pthread boost_message_queue.cpp -o "$scratch/boost" -lrt
    rates "Boost.Interprocess message_queue" 50000 "$scratch/boost"
}

multiprocessing() {
    "$python" -c 'import multiprocessing.synchronize' 2>/dev/null ||
        { echo "not installed: Python 3 with multiprocessing ($python)"; return; }
    rates "Python multiprocessing.Queue" 10000 "$python" -B multiprocessing_queue.py
}

printf '%-40s %7s %10s\n' "one to one" "" "M msg/s"
boost
multiprocessing
