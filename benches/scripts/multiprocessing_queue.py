"""Python's multiprocessing.Queue between two processes: million messages a second.

    multiprocessing_queue.py CPU CPU SIZE COUNT

The child sends on the second core, the parent receives on the first and checks the order; several turns, of which the median is printed.
"""

import multiprocessing
import os
import statistics
import sys
import time

TURNS = 5


def send(queue, begin, size, count):
    rest = b"\7" * (size - 8)
    for _ in range(TURNS):
        begin.acquire()
        for number in range(count):
            queue.put(number.to_bytes(8, sys.byteorder) + rest)


def receive(queue, count, size):
    for expected in range(count):
        message = queue.get()
        if len(message) != size or int.from_bytes(message[:8], sys.byteorder) != expected:
            sys.exit("messages must arrive in order")


def main():
    here, there, size, count = map(int, sys.argv[1:])
    # A process of its own, not a copy of this one: it inherits no thread's state.
    context = multiprocessing.get_context("spawn")
    # About 64 KiB, but some messages at least, as in the other benches.
    queue = context.Queue(min(max(65536 // size, 16), 1024))
    begin = context.Semaphore(0)
    child = context.Process(target=send, args=(queue, begin, size, count), daemon=True)
    # The child inherits the core.
    os.sched_setaffinity(0, {there})
    child.start()
    os.sched_setaffinity(0, {here})
    rates = []
    for _ in range(TURNS):
        begun = time.perf_counter()
        begin.release()
        receive(queue, count, size)
        rates.append(count / (time.perf_counter() - begun) / 1e6)
    child.join()
    print(f"{statistics.median(rates):.3f}")


if __name__ == "__main__":
    main()
