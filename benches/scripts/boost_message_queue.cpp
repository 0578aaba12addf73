// Boost.Interprocess's message_queue between two processes: million messages a second.
//
//     boost_message_queue CPU CPU SIZE COUNT
//
// The child sends on the second core, the parent receives on the first and checks the order. The clock starts before the first message
// is received, with the child waiting at the line; several turns, of which the median is printed.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <vector>

#include <boost/interprocess/ipc/message_queue.hpp>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ipc = boost::interprocess;

static const int TURNS = 15;

// The turns that the parent has begun.
struct Start {
    std::atomic<int> turn;
};

static void pin(int cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0) {
        std::perror("sched_setaffinity");
        std::exit(1);
    }
}

static void send(ipc::message_queue& queue, Start& start, std::size_t size, std::uint64_t count) {
    std::vector<char> message(size, 7);
    for (int turn = 1; turn <= TURNS; turn++) {
        while (start.turn.load(std::memory_order_acquire) < turn) {
        }
        for (std::uint64_t number = 0; number < count; number++) {
            std::memcpy(message.data(), &number, sizeof number);
            queue.send(message.data(), size, 0);
        }
    }
}

static double receive(ipc::message_queue& queue, Start& start, std::size_t size, std::uint64_t count) {
    std::vector<char> message(size);
    std::vector<double> rates;
    for (int turn = 1; turn <= TURNS; turn++) {
        auto begun = std::chrono::steady_clock::now();
        start.turn.store(turn, std::memory_order_release);
        for (std::uint64_t expected = 0; expected < count; expected++) {
            ipc::message_queue::size_type received;
            unsigned priority;
            std::uint64_t number;
            queue.receive(message.data(), size, received, priority);
            std::memcpy(&number, message.data(), sizeof number);
            if (received != size || number != expected) {
                std::fprintf(stderr, "messages must arrive in order\n");
                std::exit(1);
            }
        }
        std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - begun;
        rates.push_back(count / took.count());
    }
    std::sort(rates.begin(), rates.end());
    return rates[rates.size() / 2];
}

int main(int argc, char** argv) {
    if (argc != 5) {
        std::fprintf(stderr, "usage: boost_message_queue CPU CPU SIZE COUNT\n");
        return 2;
    }
    int here = std::atoi(argv[1]), there = std::atoi(argv[2]);
    std::size_t size = std::strtoul(argv[3], nullptr, 10);
    std::uint64_t count = std::strtoull(argv[4], nullptr, 10);
    if (size < sizeof(std::uint64_t)) {
        std::fprintf(stderr, "a message holds its number: 8 bytes at least\n");
        return 2;
    }

    // About 64 KiB, but some messages at least, as in the other benches.
    std::size_t held = std::min<std::size_t>(std::max<std::size_t>(65536 / size, 16), 1024);
    std::string name = "bench-boost-" + std::to_string(getpid());
    ipc::message_queue queue(ipc::create_only, name.c_str(), held, size);
    // The child inherits the mapping; nobody else needs the name.
    ipc::message_queue::remove(name.c_str());
    void* shared = mmap(nullptr, sizeof(Start), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) {
        std::perror("mmap");
        return 1;
    }
    Start& start = *new (shared) Start{};

    // The child inherits the core.
    pin(there);
    pid_t child = fork();
    if (child < 0) {
        std::perror("fork");
        return 1;
    }
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        send(queue, start, size, count);
        _exit(0);
    }
    pin(here);
    std::printf("%.3f\n", receive(queue, start, size, count));
    int status;
    waitpid(child, &status, 0);
    return status == 0 ? 0 : 1;
}
